#include "ldm/experiments/image_metrics.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <sstream>
#include <stdexcept>

namespace ldm::experiments {
namespace {

constexpr double kPeak = 255;
constexpr double kSigma = 1.5;
constexpr std::int64_t kRadius = 5;
constexpr std::int64_t kTaps = 2 * kRadius + 1;

void check(const at::Tensor& a, const at::Tensor& b) {
  const bool fit = a.dim() == 3 && a.size(2) == 3 && a.sizes() == b.sizes() && a.numel() > 0 &&
                   a.scalar_type() == at::kByte && b.scalar_type() == at::kByte && a.is_cpu() && b.is_cpu();
  if (fit) return;
  std::ostringstream text;
  text << "expected two uint8 pictures [H, W, 3] of one size on the CPU, got " << a.toString() << ' '
       << a.sizes() << " and " << b.toString() << ' ' << b.sizes();
  throw std::invalid_argument(text.str());
}

/// [H, W, 3] -> [3, 1, H, W] float64.
at::Tensor channels(const at::Tensor& picture) {
  return picture.permute({2, 0, 1}).unsqueeze(1).to(at::kDouble);
}

/// Means under a Gaussian window wherever it lies wholly inside: [3, 1, H, W] -> [3, 1, H - 10, W - 10].
at::Tensor windowed(const at::Tensor& x) {
  const at::Tensor place = at::arange(-kRadius, kRadius + 1, at::kDouble);
  at::Tensor window = at::exp(-place.square() / (2 * kSigma * kSigma));
  window = window / window.sum();
  return at::conv2d(at::conv2d(x, window.view({1, 1, kTaps, 1})), window.view({1, 1, 1, kTaps}));
}

}  // namespace

double psnr(const at::Tensor& a, const at::Tensor& b) {
  check(a, b);
  const double error = (a.to(at::kDouble) - b.to(at::kDouble)).square().mean().item<double>();
  return error == 0 ? std::numeric_limits<double>::infinity() : 10 * std::log10(kPeak * kPeak / error);
}

double mean_absolute_difference(const at::Tensor& a, const at::Tensor& b) {
  check(a, b);
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().mean().item<double>();
}

double ssim(const at::Tensor& a, const at::Tensor& b) {
  check(a, b);
  if (a.size(0) < kTaps || a.size(1) < kTaps) return std::numeric_limits<double>::quiet_NaN();
  const double c1 = std::pow(0.01 * kPeak, 2), c2 = std::pow(0.03 * kPeak, 2);
  const at::Tensor x = channels(a), y = channels(b);
  const at::Tensor mean_x = windowed(x), mean_y = windowed(y);
  const at::Tensor variance_x = windowed(x * x) - mean_x * mean_x;
  const at::Tensor variance_y = windowed(y * y) - mean_y * mean_y;
  const at::Tensor covariance = windowed(x * y) - mean_x * mean_y;
  const at::Tensor similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2) /
                                ((mean_x.square() + mean_y.square() + c1) * (variance_x + variance_y + c2));
  return similarity.mean().item<double>();
}

std::vector<double> relative_distances(const at::Tensor& a, const at::Tensor& b) {
  if (a.dim() != 4 || a.sizes() != b.sizes()) {
    std::ostringstream text;
    text << "expected two tensors [steps, C, h, w] of one shape, got " << a.sizes() << " and " << b.sizes();
    throw std::invalid_argument(text.str());
  }
  const at::Tensor x = a.to(at::kDouble).flatten(1), y = b.to(at::kDouble).flatten(1);
  const at::Tensor apart = (x - y).norm(2, 1), size = y.norm(2, 1);
  std::vector<double> distances;
  for (std::int64_t step = 0; step < x.size(0); ++step) {
    const double difference = apart[step].item<double>();
    distances.push_back(difference == 0 ? 0 : difference / size[step].item<double>());
  }
  return distances;
}

}  // namespace ldm::experiments
