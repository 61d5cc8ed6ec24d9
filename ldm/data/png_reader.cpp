#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "ldm/data/error.h"
#include "ldm/data/latin1.h"
#include "ldm/data/libpng.h"
#include "ldm/data/png.h"
#include "ldm/files/input_file.h"
#include "ldm/files/text.h"

namespace ldm::data {
namespace {

constexpr std::string_view kSignature = "\x89PNG\r\n\x1a\n";
constexpr png_alloc_size_t kMaxChunkBytes = 4'000'000;
constexpr png_uint_32 kMaxTextChunks = 100;

/// One PNG being read from memory.
class Reader {
 public:
  Reader(std::string_view bytes, const std::string& name) : rest_(bytes), name_(name) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &failure_, on_png_error, on_png_warning);
    info_ = png_ == nullptr ? nullptr : png_create_info_struct(png_);
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, nullptr, nullptr);
      fail("no memory for libpng, or a libpng other than " PNG_LIBPNG_VER_STRING);
    }
    png_set_read_fn(png_, this, take_bytes);
    png_set_benign_errors(png_, 1);
    png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_chunk_malloc_max(png_, kMaxChunkBytes);
    png_set_chunk_cache_max(png_, kMaxTextChunks);
  }
  ~Reader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  void read_header();
  at::Tensor read_pixels();
  /// Reads what follows the pixels, and gives all texts.
  std::vector<PngText> read_text();

 private:
  static void take_bytes(png_structp png, png_bytep out, std::size_t count);
  [[noreturn]] void fail(const std::string& got) const;
  [[noreturn]] void fail_with_message() const { fail(std::string("'") + failure_.message + "' from libpng"); }
  bool is_wide_grey() const {
    return png_get_color_type(png_, info_) == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(png_, info_) == 16;
  }
  void ask_for_rgb();
  void read_rows(at::Tensor& rows);

  std::string_view rest_;
  const std::string& name_;
  PngFailure failure_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

void Reader::take_bytes(png_structp png, png_bytep out, std::size_t count) {
  auto& reader = *static_cast<Reader*>(png_get_io_ptr(png));
  if (count > reader.rest_.size()) png_error(png, "the file ends early");
  std::memcpy(out, reader.rest_.data(), count);
  reader.rest_.remove_prefix(count);
}

void Reader::fail(const std::string& got) const {
  throw ImageError("'" + name_ + "': expected a whole PNG image, got " + got);
}

void Reader::read_header() {
  if (!libpng_succeeds(png_, [this] { png_read_info(png_, info_); })) fail_with_message();
  const std::int64_t width = png_get_image_width(png_, info_), height = png_get_image_height(png_, info_);
  if (width > kMaxImagePixels / height) {
    fail(std::to_string(width) + "x" + std::to_string(height) + " pixels, which is more than " +
         std::to_string(kMaxImagePixels) + " in all");
  }
}

void Reader::ask_for_rgb() {
  const png_byte kind = png_get_color_type(png_, info_);
  if (kind == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png_);
  if (kind == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(png_);
  png_set_strip_alpha(png_);
  if (!is_wide_grey()) {
    png_set_strip_16(png_);
    png_set_gray_to_rgb(png_);
  }
}

/// rows [H, row bytes] uint8.
void Reader::read_rows(at::Tensor& rows) {
  std::vector<png_bytep> pointers(static_cast<std::size_t>(rows.size(0)));
  auto* row = rows.mutable_data_ptr<std::uint8_t>();
  for (png_bytep& pointer : pointers) {
    pointer = row;
    row += rows.size(1);
  }
  if (!libpng_succeeds(png_, [&] { png_read_image(png_, pointers.data()); })) fail_with_message();
}

/// What Pillow does with 16-bit grey: clips. rows [H, 2 W], big-endian -> [H, W, 3].
at::Tensor clip_wide_grey(const at::Tensor& rows) {
  const at::Tensor halves = rows.view({rows.size(0), -1, 2});
  const at::Tensor clipped = halves.select(2, 1).masked_fill(halves.select(2, 0).ne(0), 255);
  return clipped.unsqueeze(2).expand({-1, -1, 3}).contiguous();
}

at::Tensor Reader::read_pixels() {
  const bool wide_grey = is_wide_grey();
  if (!libpng_succeeds(png_, [this] {
        ask_for_rgb();
        png_set_interlace_handling(png_);
        png_read_update_info(png_, info_);
      })) {
    fail_with_message();
  }
  const std::int64_t width = png_get_image_width(png_, info_), height = png_get_image_height(png_, info_);
  const std::int64_t row_bytes = width * (wide_grey ? 2 : 3);
  TORCH_INTERNAL_ASSERT(png_get_rowbytes(png_, info_) == static_cast<std::size_t>(row_bytes));
  at::Tensor rows = at::empty({height, row_bytes}, at::kByte);
  read_rows(rows);
  return wide_grey ? clip_wide_grey(rows) : rows.view({height, width, 3});
}

/// An iTXt that is not UTF-8 is taken for Latin-1, so that nothing is lost and the result is always UTF-8.
PngText to_text(const png_text& chunk) {
  const bool international = chunk.compression >= PNG_ITXT_COMPRESSION_NONE;
  const std::string_view text(chunk.text, international ? chunk.itxt_length : chunk.text_length);
  return {from_latin1(chunk.key),
          international && files::is_utf8(text) ? std::string(text) : from_latin1(text)};
}

std::vector<PngText> Reader::read_text() {
  if (!libpng_succeeds(png_, [this] { png_read_end(png_, info_); })) fail_with_message();
  png_textp chunks = nullptr;
  int count = 0;
  png_get_text(png_, info_, &chunks, &count);
  std::vector<PngText> texts;
  std::transform(chunks, chunks + count, std::back_inserter(texts), to_text);
  return texts;
}

}  // namespace

[[noreturn]] void on_png_error(png_structp png, png_const_charp message) {
  auto& failure = *static_cast<PngFailure*>(png_get_error_ptr(png));
  std::strncpy(failure.message, message, sizeof(failure.message) - 1);
  png_longjmp(png, 1);
}

void on_png_warning(png_structp, png_const_charp) {}

bool is_png(std::string_view bytes) {
  return bytes.substr(0, kSignature.size()) == kSignature;
}

PngImage decode_png(std::string_view bytes, const std::string& name) {
  Reader reader(bytes, name);
  reader.read_header();
  PngImage image;
  image.pixels = reader.read_pixels();
  image.text = reader.read_text();
  return image;
}

PngImage read_png(const std::string& path) {
  return decode_png(files::read_file(path, "a PNG image", kMaxImageFileBytes), path);
}

}  // namespace ldm::data
