#include "ldm/demo/emoji_font.h"

#include <ATen/ATen.h>
#include <ft2build.h>

#include <algorithm>
#include <sstream>
#include FT_FREETYPE_H

#include "ldm/files/error.h"

namespace ldm::demo {
namespace {

using at::indexing::Slice;

std::string code_point_name(std::uint32_t code_point) {
  std::ostringstream text;
  text << "U+" << std::hex << std::uppercase << code_point;
  return text.str();
}

/// [4, H, W] float32 RGBA of FreeType's premultiplied BGRA.
at::Tensor to_tensor(const FT_Bitmap& bitmap) {
  const at::Tensor bgra =
      at::from_blob(bitmap.buffer, {bitmap.rows, bitmap.width, 4}, {bitmap.pitch, 4, 1}, at::kByte);
  const at::Tensor order = at::tensor({2, 1, 0, 3}, at::kLong);
  return bgra.permute({2, 0, 1}).index_select(0, order).to(at::kFloat).div(255);
}

/// The first and one past the last index that is true.
std::pair<std::int64_t, std::int64_t> extent(const at::Tensor& is_used) {
  const at::Tensor indices = is_used.nonzero();
  return {indices.min().item<std::int64_t>(), indices.max().item<std::int64_t>() + 1};
}

at::Tensor in_square(const at::Tensor& rgba) {
  const at::Tensor is_visible = rgba[3] > 0;
  const auto [top, bottom] = extent(is_visible.any(1));
  const auto [left, right] = extent(is_visible.any(0));
  const std::int64_t height = bottom - top, width = right - left, side = std::max(height, width);
  const std::int64_t y = (side - height) / 2, x = (side - width) / 2;
  at::Tensor out = at::zeros({4, side, side}, at::kFloat);
  out.index({Slice(), Slice(y, y + height), Slice(x, x + width)})
      .copy_(rgba.index({Slice(), Slice(top, bottom), Slice(left, right)}));
  return out;
}

}  // namespace

struct EmojiFont::Handles {
  FT_Library library = nullptr;
  FT_Face face = nullptr;
  ~Handles() {
    if (face != nullptr) FT_Done_Face(face);
    if (library != nullptr) FT_Done_FreeType(library);
  }
};

EmojiFont::EmojiFont(const std::string& path) : path_(path), handles_(std::make_unique<Handles>()) {
  if (FT_Init_FreeType(&handles_->library) != 0) throw files::FileError("FreeType could not start");
  if (FT_New_Face(handles_->library, path.c_str(), 0, &handles_->face) != 0) {
    throw files::FileError("'" + path +
                           "': expected the font Noto Color Emoji, could not open it; install the "
                           "package fonts-noto-color-emoji, or name the font with --font");
  }
  const bool has_bitmaps = FT_HAS_COLOR(handles_->face) && FT_HAS_FIXED_SIZES(handles_->face);
  if (!has_bitmaps || FT_Select_Size(handles_->face, 0) != 0) {
    throw files::FileError("'" + path +
                           "': expected a font of coloured bitmaps, such as Noto Color Emoji, got " +
                           "another kind of font");
  }
}

EmojiFont::~EmojiFont() = default;

at::Tensor EmojiFont::picture(std::uint32_t code_point) const {
  const FT_UInt glyph = FT_Get_Char_Index(handles_->face, code_point);
  const bool is_loaded = glyph != 0 && FT_Load_Glyph(handles_->face, glyph, FT_LOAD_COLOR) == 0;
  if (is_loaded && handles_->face->glyph->bitmap.pixel_mode == FT_PIXEL_MODE_BGRA) {
    const at::Tensor rgba = to_tensor(handles_->face->glyph->bitmap);
    if (rgba[3].gt(0).any().item<bool>()) return in_square(rgba);
  }
  throw files::FileError("'" + path_ + "': expected a picture of " + code_point_name(code_point) +
                         ", found none");
}

}  // namespace ldm::demo
