#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "ldm/demo/emoji_font.h"
#include "ldm/demo/vocabulary.h"

namespace ldm::demo {

constexpr std::int64_t kPictureSide = 64;  ///< pixels of a picture, across and down
constexpr std::int64_t kLargeSide = 56;    ///< of an object that is alone
constexpr std::int64_t kSmallSide = 30;    ///< of a small object, or one of two

enum class Layout { large, small, pair };
/// Where a small object lies.
enum class Place { middle, top_left, top_right, bottom_left, bottom_right };
constexpr int kPlaces = 5;

/// What is on a picture. Objects and colours are indices of their lists.
struct Scene {
  Layout layout = Layout::large;
  std::size_t colour = 0;
  std::size_t object = 0;  ///< of two the left one
  std::size_t second = 0;  ///< of two the right one
  Place place = Place::middle;
};

/// All objects' pictures at the two sizes.
class Sprites {
 public:
  /// Throws files::FileError if the font lacks an object.
  Sprites(const EmojiFont& font, const std::vector<Object>& objects);

  /// [4, side, side] float32, premultiplied; `side` is kLargeSide or kSmallSide.
  at::Tensor at(std::size_t object, std::int64_t side) const;
  /// Resized to any side from 1 up.
  at::Tensor resized(std::size_t object, std::int64_t side) const;

 private:
  std::vector<at::Tensor> original_, large_, small_;
};

/// The upper left corner of a scene's objects.
struct Corner {
  std::int64_t y, x;
};
Corner corner_of(const Scene& scene, bool is_second);

/// Lays a sprite [4, S, S] over a picture [3, H, W] float32 in [0, 1], in place; what is outside is cut off.
void lay_over(at::Tensor& picture, const at::Tensor& sprite, std::int64_t y, std::int64_t x);

/// A background of one colour: [3, kPictureSide, kPictureSide] float32 in [0, 1].
at::Tensor background(const Colour& colour);

/// [3, H, W] in [0, 1] -> [H, W, 3] uint8, rounded.
at::Tensor to_pixels(const at::Tensor& picture);

/// A scene's picture: [kPictureSide, kPictureSide, 3] uint8.
at::Tensor draw(const Scene& scene, const Sprites& sprites);

/// What a person would ask for to get the scene; all that is on it is said.
std::string prompt_of(const Scene& scene, const std::vector<Object>& objects);

/// Captions to learn from, the usual ones several times; some say only a part.
std::vector<std::string> captions_of(const Scene& scene, const std::vector<Object>& objects);

}  // namespace ldm::demo
