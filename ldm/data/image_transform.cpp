#include "ldm/data/image_transform.h"

#include <ATen/ATen.h>

#include <array>
#include <stdexcept>

#include "ldm/data/seeds.h"

namespace ldm::data {
namespace {

constexpr std::int64_t kMaxSide = 65536;

std::string text_of(Size size) {
  return std::to_string(size.width) + "x" + std::to_string(size.height);
}

/// The levels of a byte as the models see them.
std::array<float, 256> model_levels() {
  std::array<float, 256> levels{};
  for (std::size_t i = 0; i < levels.size(); ++i) {
    levels[i] = static_cast<float>(static_cast<double>(i) / 127.5 - 1.0);
  }
  return levels;
}

}  // namespace

CropPlace parse_crop_place(const std::string& name) {
  if (name == "center") return CropPlace::center;
  if (name == "random") return CropPlace::random;
  throw std::invalid_argument("expected crop center or random, got '" + name + "'");
}

at::Tensor crop(const at::Tensor& image, std::int64_t top, std::int64_t left, Size size) {
  const Size whole{image.size(0), image.size(1)};
  const bool inside = size.height >= 1 && size.width >= 1 && top >= 0 && left >= 0 &&
                      top <= whole.height - size.height && left <= whole.width - size.width;
  if (!inside) {
    throw std::invalid_argument("expected a crop inside the image of " + text_of(whole) + " pixels, got " +
                                text_of(size) + " at row " + std::to_string(top) + ", column " +
                                std::to_string(left));
  }
  return image.slice(0, top, top + size.height).slice(1, left, left + size.width);
}

at::Tensor center_crop(const at::Tensor& image, Size size) {
  return crop(image, (image.size(0) - size.height) / 2, (image.size(1) - size.width) / 2, size);
}

at::Tensor random_crop(const at::Tensor& image, Size size, at::Generator& random) {
  const std::int64_t top = draw_below(image.size(0) - size.height + 1, random);
  const std::int64_t left = draw_below(image.size(1) - size.width + 1, random);
  return crop(image, top, left, size);
}

at::Tensor crop_at(CropPlace place, const at::Tensor& image, Size size, at::Generator& random) {
  return place == CropPlace::random ? random_crop(image, size, random) : center_crop(image, size);
}

at::Tensor random_horizontal_flip(const at::Tensor& image, double p, at::Generator& random) {
  const auto drawn = at::rand({1}, random, at::kFloat).item<float>();
  return drawn < static_cast<float>(p) ? image.flip(1) : image;
}

at::Tensor to_model_range(const at::Tensor& image_u8) {
  static const std::array<float, 256> levels = model_levels();
  const at::Tensor bytes = image_u8.contiguous();
  at::Tensor result = at::empty(bytes.sizes(), bytes.options().dtype(at::kFloat));
  const auto* in = bytes.const_data_ptr<std::uint8_t>();
  auto* out = result.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < bytes.numel(); ++i) out[i] = levels[in[i]];
  return result;
}

void check_probability(const std::string& name, double p) {
  if (p >= 0.0 && p <= 1.0) return;
  throw std::invalid_argument("expected " + name + " between 0 and 1, got " + std::to_string(p));
}

void check_side(const std::string& name, std::int64_t pixels) {
  if (pixels >= 1 && pixels <= kMaxSide) return;
  throw std::invalid_argument("expected " + name + " between 1 and " + std::to_string(kMaxSide) +
                              " pixels, got " + std::to_string(pixels));
}

}  // namespace ldm::data
