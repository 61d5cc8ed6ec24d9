#include "ldm/data/read_image.h"

#include <ATen/ATen.h>

#include <array>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <optional>
#include <string_view>

#include "ldm/data/error.h"
#include "ldm/data/jpeg_end.h"
#include "ldm/data/png.h"
#include "ldm/data/resize.h"
#include "ldm/data/tiff_alpha.h"
#include "ldm/files/input_file.h"
#include "ldm/files/lookalike.h"
#include "ldm/files/text.h"

namespace ldm::data {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::size_t kHead = 512;

struct Kind {
  std::size_t at;
  std::string_view magic;
  std::string_view name;
};

// Formats by their first bytes: for messages alone, OpenCV looks for itself.
constexpr std::array kImages{
    Kind{0, "\xFF\xD8\xFF"sv, "a JPEG"sv},
    Kind{8, "WEBP"sv, "a WebP"sv},
    Kind{0, "II*\0"sv, "a TIFF"sv},
    Kind{0, "MM\0*"sv, "a TIFF"sv},
    Kind{0, "BM"sv, "a BMP"sv},
    Kind{4, "jP  "sv, "a JPEG 2000"sv},
    Kind{0, "\x76\x2F\x31\x01"sv, "an OpenEXR"sv},
};
constexpr std::array kOthers{
    Kind{0, "GIF8"sv, "a GIF: convert it to PNG first"sv},
    Kind{4, "ftyp"sv, "a HEIC, AVIF or video file: convert it to PNG first"sv},
    Kind{0, "%PDF"sv, "a PDF document: convert the page to PNG first"sv},
    Kind{0, "8BPS"sv, "a Photoshop document: export it as PNG first"sv},
    Kind{8, "{\""sv, "a .safetensors file: weights, not an image"sv},
};

template <typename Kinds>
std::string_view find_kind(const Kinds& kinds, std::string_view head) {
  for (const Kind& kind : kinds) {
    if (head.size() > kind.at && head.substr(kind.at, kind.magic.size()) == kind.magic) return kind.name;
  }
  return "";
}

[[noreturn]] void fail(const std::string& path, const std::string& got) {
  throw ImageError("'" + path + "': expected an image (PNG, JPEG, WebP, TIFF, BMP, ...), got " + got);
}

/// What the bytes are if OpenCV cannot make an image of them.
std::string describe(std::string_view head) {
  const std::string_view image = find_kind(kImages, head);
  if (!image.empty())
    return std::string(image) + " that is damaged, cut short or of a kind that cannot be read";
  if (head.find("<svg") != std::string_view::npos) return "an SVG drawing: convert it to PNG first";
  const std::string_view other = find_kind(kOthers, head);
  if (!other.empty()) return std::string(other);
  const std::string lookalike = files::describe_lookalike(head);
  if (!lookalike.empty()) return lookalike;
  return "a file of unknown form that begins with '" + files::printable(head.substr(0, 16)) + "'";
}

/// Empty where OpenCV finds no image.
cv::Mat decode(const std::string& bytes, const std::string& path) {
  const cv::Mat view(1, static_cast<int>(bytes.size()), CV_8UC1, const_cast<char*>(bytes.data()));
  try {
    return cv::imdecode(view, cv::IMREAD_UNCHANGED);  // which ignores the orientation, too
  } catch (const cv::Exception& error) {
    fail(path, "this from OpenCV: " + error.err);
  }
}

std::optional<at::ScalarType> scalar_type_of(const cv::Mat& image) {
  switch (image.depth()) {
    case CV_8U:
      return at::kByte;
    case CV_16U:
      return at::kUInt16;
    case CV_32F:
      return at::kFloat;
    case CV_64F:
      return at::kDouble;
    default:
      return std::nullopt;
  }
}

/// [H, W, C] of any depth, C 1 to 4 -> the same in uint8.
at::Tensor to_bytes(const at::Tensor& image) {
  if (image.scalar_type() == at::kByte) return image;
  if (image.is_floating_point()) {
    return image.to(at::kFloat).nan_to_num(0.0).clamp(0.0, 1.0).mul(255.0).round().to(at::kByte);
  }
  const at::Tensor wide = image.to(at::kInt);
  return (image.size(2) == 1 ? wide.clamp_max(255) : wide.bitwise_right_shift(8)).to(at::kByte);
}

/// [H, W, C] in OpenCV's order of channels -> [H, W, 3] in RGB, contiguous.
at::Tensor to_rgb(const at::Tensor& bgr) {
  if (bgr.size(2) < 3) return bgr.slice(2, 0, 1).expand({-1, -1, 3}).contiguous();
  return bgr.slice(2, 0, 3).flip(2).contiguous();
}

at::Tensor read_with_opencv(const std::string& bytes, const std::string& path) {
  if (is_truncated_jpeg(bytes)) fail(path, "a JPEG that is cut short: download or copy it again");
  cv::Mat image = decode(bytes, path);
  if (image.empty()) fail(path, describe(std::string_view(bytes).substr(0, kHead)));
  const std::optional<at::ScalarType> type = scalar_type_of(image);
  if (!type || image.channels() > 4) {
    fail(path,
         "pixels of OpenCV's type " + cv::typeToString(image.type()) + ": convert it to an 8-bit PNG first");
  }
  if (static_cast<std::int64_t>(image.total()) > kMaxImagePixels) {
    fail(path,
         std::to_string(image.total()) + " pixels, which is more than " + std::to_string(kMaxImagePixels));
  }
  if (!image.isContinuous()) image = image.clone();
  const at::Tensor pixels = at::from_blob(image.data, {image.rows, image.cols, image.channels()}, *type);
  return to_rgb(to_bytes(pixels));
}

}  // namespace

at::Tensor read_image(const std::string& path) {
  std::string bytes = files::read_file(path, "an image file", kMaxImageFileBytes);
  if (is_png(bytes)) return decode_png(bytes, path).pixels;
  keep_colours_under_alpha(bytes);
  return read_with_opencv(bytes, path);
}

at::Tensor load_img(const std::string& path, std::int64_t multiple) {
  const at::Tensor image = read_image(path);
  const Size size = floor_to_multiple({image.size(0), image.size(1)}, multiple);
  if (size.height == 0 || size.width == 0) {
    const std::string least = std::to_string(multiple);
    throw ImageError("'" + path + "': expected an image of at least " + least + "x" + least +
                     " pixels, got " + std::to_string(image.size(1)) + "x" + std::to_string(image.size(0)));
  }
  return image_to_tensor(lanczos_resize(image, size.height, size.width));
}

}  // namespace ldm::data
