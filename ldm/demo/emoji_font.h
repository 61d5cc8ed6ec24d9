#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>

namespace ldm::demo {

/// A font of coloured bitmaps, such as Noto Color Emoji.
class EmojiFont {
 public:
  /// Where Debian's package fonts-noto-color-emoji puts it.
  static constexpr const char* kDefaultPath = "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf";

  /// Opens the font. Throws files::FileError if there is none, or it has no coloured bitmaps.
  explicit EmojiFont(const std::string& path);
  ~EmojiFont();
  EmojiFont(const EmojiFont&) = delete;
  EmojiFont& operator=(const EmojiFont&) = delete;

  /// The picture of a code point, cut to what is not transparent and centred in a square: [4, S, S] float32
  /// in [0, 1], red, green and blue multiplied by alpha, and alpha. Throws files::FileError if the font has
  /// none.
  at::Tensor picture(std::uint32_t code_point) const;

 private:
  struct Handles;
  std::string path_;
  std::unique_ptr<Handles> handles_;
};

}  // namespace ldm::demo
