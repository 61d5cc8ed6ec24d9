#include "ldm/ops/cpu/group_norm.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "ldm/ops/cpu/kernels.h"
#include "ldm/ops/cpu/parallel.h"
#include "ldm/ops/cpu/scratch.h"
#include "ldm/ops/cpu/takes.h"

namespace ldm::ops::cpu {
namespace {

/// Pixels whose moments are added up together. Fixed, so that sums don't depend on the number of threads.
constexpr std::int64_t kPixels = 256;

struct Sizes {
  std::int64_t batch, channels, pixels, groups;

  std::int64_t pieces() const { return ceil_divide(pixels, kPixels); }
  std::int64_t pixels_of(std::int64_t piece) const { return std::min(kPixels, pixels - piece * kPixels); }
};

/// Calls `function(picture, piece)` for all pieces of all pictures.
template <typename Function>
void for_pieces(const Sizes& s, Function function) {
  parallel_for(s.batch * s.pieces(), /*grain=*/1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) function(i / s.pieces(), i % s.pieces());
  });
}

/// Sums over the pixels of each piece: [B, pieces, values | squares, C].
template <typename T>
std::vector<double> piece_moments(const Sizes& s, const T* x) {
  std::vector<double> moments(static_cast<std::size_t>(s.batch * s.pieces() * 2 * s.channels), 0.0);
  for_pieces(s, [&](std::int64_t picture, std::int64_t piece) {
    double* sums = moments.data() + (picture * s.pieces() + piece) * 2 * s.channels;
    kernels().of<T>().channel_moments(x + (picture * s.pixels + piece * kPixels) * s.channels,
                                      s.pixels_of(piece), s.channels, sums, sums + s.channels);
  });
  return moments;
}

/// Mean and 1 / standard deviation of a group of one picture.
std::pair<double, double> statistics(const Sizes& s, const double* moments, std::int64_t group, double eps) {
  const std::int64_t width = s.channels / s.groups;
  double sum = 0, square = 0;
  for (std::int64_t piece = 0; piece < s.pieces(); ++piece) {
    const double* sums = moments + piece * 2 * s.channels + group * width;
    for (std::int64_t c = 0; c < width; ++c) {
      sum += sums[c];
      square += sums[s.channels + c];
    }
  }
  const double count = static_cast<double>(width * s.pixels), mean = sum / count;
  const double variance = square / count - mean * mean;
  // Not std::max, which would turn NaN into zero.
  return {mean, 1.0 / std::sqrt((variance < 0 ? 0 : variance) + eps)};
}

/// What a group norm does to each channel of each picture: [B, C].
struct Affine {
  std::vector<float> scale, shift;
};

Affine affine_of(const Sizes& s, const std::vector<double>& moments, const float* weight, const float* bias,
                 double eps) {
  Affine affine;
  const std::int64_t width = s.channels / s.groups;
  for (std::int64_t i = 0; i < s.batch * s.groups; ++i) {
    const std::int64_t picture = i / s.groups, group = i % s.groups;
    const auto [mean, factor] =
        statistics(s, moments.data() + picture * s.pieces() * 2 * s.channels, group, eps);
    for (std::int64_t channel = group * width; channel < (group + 1) * width; ++channel) {
      const double by_weight = factor * weight[channel];
      affine.scale.push_back(static_cast<float>(by_weight));
      affine.shift.push_back(static_cast<float>(bias[channel] - mean * by_weight));
    }
  }
  return affine;
}

template <typename T>
void normalise(const Sizes& s, const T* x, const float* weight, const float* bias, double eps, bool silu,
               T* y) {
  const Affine affine = affine_of(s, piece_moments(s, x), weight, bias, eps);
  for_pieces(s, [&](std::int64_t picture, std::int64_t piece) {
    const std::int64_t place = (picture * s.pixels + piece * kPixels) * s.channels;
    kernels().of<T>().scale_shift(x + place, s.pixels_of(piece), s.channels,
                                  affine.scale.data() + picture * s.channels,
                                  affine.shift.data() + picture * s.channels, silu, y + place);
  });
}

}  // namespace

bool group_norm_takes(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return takes({x, weight, bias}) && x.dim() == 4 && x.is_contiguous(at::MemoryFormat::ChannelsLast) &&
         weight.numel() == x.size(1) && bias.numel() == x.size(1);
}

at::Tensor group_norm(const at::Tensor& x, std::int64_t groups, const at::Tensor& weight,
                      const at::Tensor& bias, double eps, bool silu) {
  const Sizes s{x.size(0), x.size(1), x.size(2) * x.size(3), groups};
  TORCH_CHECK(s.channels % groups == 0, "group_norm: expected channels in multiples of ", groups, ", got ",
              s.channels);
  const at::Tensor y = at::empty_like(x);
  const at::Tensor gain = weight.to(at::kFloat).contiguous(), offset = bias.to(at::kFloat).contiguous();
  with_type_of(x, [&](auto type) {
    using T = decltype(type);
    normalise(s, values_of<T>(x), values_of<float>(gain), values_of<float>(offset), eps, silu,
              mutable_values_of<T>(y));
  });
  return y;
}

}  // namespace ldm::ops::cpu
