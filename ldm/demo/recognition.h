#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "ldm/demo/scene.h"

namespace ldm::demo {

/// Tells what is on a picture by comparing it with what could be: no network is asked.
class Recogniser {
 public:
  /// For the first `objects` of the sprites.
  Recogniser(const Sprites& sprites, std::size_t objects);

  /// The background's colour: the median of the two outermost rows and columns. pixels [H, W, 3] uint8 ->
  /// [3] float32 in [0, 1].
  static at::Tensor background_of(const at::Tensor& pixels);

  /// The index of the nearest of colours().
  static std::size_t colour_of(const at::Tensor& pixels);

  /// How many objects are more alike than the right one where `scene` has its object (`is_second`: the right
  /// one of a pair): 0 if the right one is the most alike. Objects are laid on the background that the
  /// picture itself has, so its colour counts for nothing; the distance is that of RGB values averaged over
  /// 2x2 pixels.
  std::int64_t rank_of_object(const at::Tensor& pixels, const Scene& scene, bool is_second = false) const;

 private:
  at::Tensor large_, small_;  ///< [objects, 4, side / 2, side / 2]
};

}  // namespace ldm::demo
