#include "ldm/demo/recognition.h"

#include <ATen/ATen.h>

#include <vector>

namespace ldm::demo {
namespace {

constexpr std::int64_t kFrame = 2;  ///< pixels at each edge; objects cover few of them

at::Tensor pooled_sprites(const Sprites& sprites, std::size_t objects, std::int64_t side) {
  std::vector<at::Tensor> all;
  for (std::size_t object = 0; object < objects; ++object) all.push_back(sprites.at(object, side));
  return at::avg_pool2d(at::stack(all), 2);
}

/// [H, W, 3] uint8 -> [3, H, W] float32 in [0, 1].
at::Tensor to_unit(const at::Tensor& pixels) {
  return pixels.permute({2, 0, 1}).to(at::kFloat).div(255);
}

}  // namespace

Recogniser::Recogniser(const Sprites& sprites, std::size_t objects)
    : large_(pooled_sprites(sprites, objects, kLargeSide)),
      small_(pooled_sprites(sprites, objects, kSmallSide)) {}

at::Tensor Recogniser::background_of(const at::Tensor& pixels) {
  const at::Tensor picture = to_unit(pixels);
  const std::int64_t height = picture.size(1), width = picture.size(2);
  const at::Tensor frame =
      at::cat({picture.slice(1, 0, kFrame).flatten(1), picture.slice(1, height - kFrame).flatten(1),
               picture.slice(2, 0, kFrame).flatten(1), picture.slice(2, width - kFrame).flatten(1)},
              1);
  return std::get<0>(frame.median(1));
}

std::size_t Recogniser::colour_of(const at::Tensor& pixels) {
  const at::Tensor found = background_of(pixels);
  std::size_t best = 0;
  double least = 0;
  for (std::size_t i = 0; i < colours().size(); ++i) {
    const auto& rgb = colours()[i].rgb;
    const at::Tensor colour = at::tensor({rgb[0] / 255.0F, rgb[1] / 255.0F, rgb[2] / 255.0F});
    const double distance = (found - colour).square().sum().item<double>();
    if (i == 0 || distance < least) {
      best = i;
      least = distance;
    }
  }
  return best;
}

std::int64_t Recogniser::rank_of_object(const at::Tensor& pixels, const Scene& scene, bool is_second) const {
  const bool is_large = scene.layout == Layout::large;
  const std::int64_t side = is_large ? kLargeSide : kSmallSide;
  const Corner corner = corner_of(scene, is_second);
  const at::Tensor part = at::avg_pool2d(
      to_unit(pixels).slice(1, corner.y, corner.y + side).slice(2, corner.x, corner.x + side).unsqueeze(0),
      2);
  const at::Tensor& sprites = is_large ? large_ : small_;
  const at::Tensor behind = background_of(pixels).view({1, 3, 1, 1});
  const at::Tensor candidates = sprites.slice(1, 0, 3) + (1 - sprites.slice(1, 3, 4)) * behind;
  const at::Tensor distances = (candidates - part).square().sum({1, 2, 3});
  const auto right = static_cast<std::int64_t>(is_second ? scene.second : scene.object);
  return distances.lt(distances[right]).sum().item<std::int64_t>();
}

}  // namespace ldm::demo
