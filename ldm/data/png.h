#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ldm::data {

/// One text of a PNG file.
struct PngText {
  std::string keyword;  ///< 1 to 79 printable ASCII characters, no space at an end and no two in a row
  std::string text;     ///< UTF-8, without NUL; may hold line ends
};

inline bool operator==(const PngText& a, const PngText& b) {
  return a.keyword == b.keyword && a.text == b.text;
}

struct PngImage {
  at::Tensor pixels;          ///< [H, W, 3] uint8 on the CPU, RGB, contiguous
  std::vector<PngText> text;  ///< in the order of the file, before and after the pixels
};

/// Pixels that an image may have (Pillow refuses more, too), and bytes of an image file.
constexpr std::int64_t kMaxImagePixels = 2 * 89'478'485;
constexpr std::uint64_t kMaxImageFileBytes = std::uint64_t{1} << 30;

/// The first bytes of every PNG file.
bool is_png(std::string_view bytes);

/// Reads a PNG of any kind (1 to 16 bits, grey, palette, colour, alpha, interlaced) as Pillow 13's
/// `Image.open(...).convert("RGB")`: alpha and transparent colours are dropped, not blended; grey is
/// repeated; gamma and colour profiles are ignored; of 16 bits the upper 8 are taken, but 16-bit grey without
/// alpha is *clipped* at 255, which makes most such images white. Of an animation the default image is read.
/// Texts come as UTF-8 whatever chunk held them; compressed ones above 4 MB, and those after the first
/// hundred chunks or so, are left out.
///
/// `name` stands for the image in messages. Throws ImageError if the bytes are no PNG, damaged or cut short,
/// or the image has more than kMaxImagePixels pixels.
PngImage decode_png(std::string_view bytes, const std::string& name);

/// decode_png of a file. Throws files::FileError, too, if the file cannot be read or is longer than
/// kMaxImageFileBytes.
PngImage read_png(const std::string& path);

/// The bytes of an 8-bit RGB PNG: the same for equal input, with no time and no name in them. A text in
/// Latin-1 becomes a tEXt chunk, any other an uncompressed iTXt chunk, as Pillow's PngInfo.add_text writes
/// them; they stand before the pixels.
///
/// image_u8 [H, W, 3] uint8 on the CPU, any strides, at least one pixel. Throws std::invalid_argument for
/// another image, for a keyword or a text that PngText does not allow.
std::string encode_png(const at::Tensor& image_u8, const std::vector<PngText>& text = {});

/// encode_png to a new file, which appears only when it is whole and never replaces anything. Throws
/// files::FileError, too, if `path` is in use or cannot be written.
void write_png(const std::string& path, const at::Tensor& image_u8, const std::vector<PngText>& text = {});

}  // namespace ldm::data
