#include <ATen/ATen.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <stdexcept>

#include "ldm/data/latin1.h"
#include "ldm/data/libpng.h"
#include "ldm/data/png.h"
#include "ldm/files/output_file.h"

namespace ldm::data {
namespace {

// zlib's own default, named so that no version of libpng changes it.
constexpr int kCompressionLevel = 6;
constexpr std::size_t kMaxKeyword = 79;

bool is_keyword(const std::string& keyword) {
  const bool printable =
      std::all_of(keyword.begin(), keyword.end(), [](char c) { return c >= ' ' && c <= '~'; });
  return printable && !keyword.empty() && keyword.size() <= kMaxKeyword && keyword.front() != ' ' &&
         keyword.back() != ' ' && keyword.find("  ") == std::string::npos;
}

/// A text as libpng wants it: `bytes` is Latin-1 or UTF-8.
struct EncodedText {
  std::string keyword, bytes;
  bool international;
};

EncodedText encode_text(const PngText& text) {
  if (!is_keyword(text.keyword)) {
    throw std::invalid_argument(
        "encode_png: expected a keyword of 1 to 79 printable ASCII characters without leading, trailing or "
        "double spaces, got '" +
        text.keyword + "'");
  }
  if (text.text.find('\0') != std::string::npos) {
    throw std::invalid_argument("encode_png: expected text '" + text.keyword +
                                "' without NUL characters, got one");
  }
  try {
    const std::optional<std::string> latin1 = to_latin1(text.text);
    return {text.keyword, latin1.value_or(text.text), !latin1.has_value()};
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument("encode_png: text '" + text.keyword + "': " + error.what());
  }
}

/// One PNG being written to memory.
class Writer {
 public:
  Writer() {
    png_ = png_create_write_struct(PNG_LIBPNG_VER_STRING, &failure_, on_png_error, on_png_warning);
    info_ = png_ == nullptr ? nullptr : png_create_info_struct(png_);
    if (info_ == nullptr) {
      png_destroy_write_struct(&png_, nullptr);
      throw std::runtime_error("expected libpng " PNG_LIBPNG_VER_STRING
                               " and memory for it, got another one or none");
    }
    png_set_write_fn(png_, this, append_bytes, [](png_structp) {});
  }
  ~Writer() { png_destroy_write_struct(&png_, &info_); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// image [H, W, 3] uint8, contiguous.
  std::string write(const at::Tensor& image, const std::vector<PngText>& text);

 private:
  static void append_bytes(png_structp png, png_bytep data, std::size_t count);
  void set_text(const std::vector<PngText>& text);
  void write_header(const at::Tensor& image);

  std::string bytes_;
  std::vector<EncodedText> encoded_;
  std::vector<png_text> chunks_;
  PngFailure failure_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

void Writer::append_bytes(png_structp png, png_bytep data, std::size_t count) {
  auto& writer = *static_cast<Writer*>(png_get_io_ptr(png));
  bool stored = true;
  try {
    writer.bytes_.append(reinterpret_cast<const char*>(data), count);
  } catch (const std::exception&) {
    stored = false;  // no exception may pass through libpng, and no jump leave the handler
  }
  if (!stored) png_error(png, "no memory left");
}

void Writer::set_text(const std::vector<PngText>& text) {
  std::transform(text.begin(), text.end(), std::back_inserter(encoded_), encode_text);
  for (EncodedText& item : encoded_) {
    png_text chunk{};
    chunk.compression = item.international ? PNG_ITXT_COMPRESSION_NONE : PNG_TEXT_COMPRESSION_NONE;
    chunk.key = item.keyword.data();
    chunk.text = item.bytes.data();
    chunk.text_length = item.bytes.size();
    chunks_.push_back(chunk);
  }
}

void Writer::write_header(const at::Tensor& image) {
  png_set_compression_level(png_, kCompressionLevel);
  png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_set_IHDR(png_, info_, static_cast<png_uint_32>(image.size(1)), static_cast<png_uint_32>(image.size(0)),
               8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  png_set_text(png_, info_, chunks_.data(), static_cast<int>(chunks_.size()));
  png_write_info(png_, info_);
}

std::string Writer::write(const at::Tensor& image, const std::vector<PngText>& text) {
  set_text(text);
  const auto* pixels = image.const_data_ptr<std::uint8_t>();
  const std::int64_t height = image.size(0), row_bytes = image.size(1) * 3;
  const bool written = libpng_succeeds(png_, [&] {
    write_header(image);
    for (std::int64_t y = 0; y < height; ++y) png_write_row(png_, pixels + y * row_bytes);
    png_write_end(png_, nullptr);
  });
  if (!written)
    throw std::runtime_error(std::string("encode_png: got '") + failure_.message + "' from libpng");
  return std::move(bytes_);
}

void check_image(const at::Tensor& image) {
  const bool good = image.defined() && image.dim() == 3 && image.size(2) == 3 && image.numel() > 0 &&
                    image.scalar_type() == at::kByte && image.device().is_cpu() &&
                    std::max(image.size(0), image.size(1)) <= PNG_UINT_31_MAX;
  if (good) return;
  std::ostringstream message;
  message << "encode_png: expected a uint8 image [H, W, 3] on the CPU, got ";
  if (image.defined()) {
    message << image.scalar_type() << " " << image.sizes() << " on " << image.device();
  } else {
    message << "an undefined tensor";
  }
  throw std::invalid_argument(message.str());
}

}  // namespace

std::string encode_png(const at::Tensor& image_u8, const std::vector<PngText>& text) {
  check_image(image_u8);
  return Writer().write(image_u8.contiguous(), text);
}

void write_png(const std::string& path, const at::Tensor& image_u8, const std::vector<PngText>& text) {
  files::write_new_file(path, encode_png(image_u8, text));
}

}  // namespace ldm::data
