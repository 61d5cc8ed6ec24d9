#include "ldm/ops/cpu/group_norm.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
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
  parallel_for(s.batch * s.pieces(), /*grain_size=*/1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) function(i / s.pieces(), i % s.pieces());
  });
}

/// Sums over the pixels of each piece: [B, pieces, values | squares, C].
std::vector<double> piece_moments(const Sizes& s, const float* x) {
  std::vector<double> moments(static_cast<std::size_t>(s.batch * s.pieces() * 2 * s.channels), 0.0);
  for_pieces(s, [&](std::int64_t picture, std::int64_t piece) {
    double* sums = moments.data() + (picture * s.pieces() + piece) * 2 * s.channels;
    kernels().channel_moments(x + (picture * s.pixels + piece * kPixels) * s.channels, s.pixels_of(piece),
                              s.channels, sums, sums + s.channels);
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

}  // namespace

bool group_norm_takes(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return takes_float32({x, weight, bias}) && x.dim() == 4 && x.is_contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor group_norm(const at::Tensor& x, std::int64_t groups, const at::Tensor& weight,
                      const at::Tensor& bias, double eps, bool silu) {
  const Sizes s{x.size(0), x.size(1), x.size(2) * x.size(3), groups};
  TORCH_CHECK(s.channels % groups == 0, "group_norm: expected channels in multiples of ", groups, ", got ",
              s.channels);
  const at::Tensor y = at::empty_like(x);
  const at::Tensor gain = weight.contiguous(), offset = bias.contiguous();
  const std::vector<double> moments = piece_moments(s, x.const_data_ptr<float>());
  std::vector<float> scale(static_cast<std::size_t>(s.batch * s.channels)), shift(scale.size());
  for (std::int64_t i = 0; i < s.batch * s.channels; ++i) {
    const std::int64_t picture = i / s.channels, channel = i % s.channels, width = s.channels / groups;
    const auto [mean, factor] =
        statistics(s, moments.data() + picture * s.pieces() * 2 * s.channels, channel / width, eps);
    const double by_weight = factor * gain.const_data_ptr<float>()[channel];
    scale[static_cast<std::size_t>(i)] = static_cast<float>(by_weight);
    shift[static_cast<std::size_t>(i)] =
        static_cast<float>(offset.const_data_ptr<float>()[channel] - mean * by_weight);
  }
  for_pieces(s, [&](std::int64_t picture, std::int64_t piece) {
    const std::int64_t place = (picture * s.pixels + piece * kPixels) * s.channels;
    kernels().scale_shift(x.const_data_ptr<float>() + place, s.pixels_of(piece), s.channels,
                          scale.data() + picture * s.channels, shift.data() + picture * s.channels, silu,
                          y.mutable_data_ptr<float>() + place);
  });
  return y;
}

}  // namespace ldm::ops::cpu
