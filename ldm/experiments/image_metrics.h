#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace ldm::experiments {

// Pictures here are uint8 [H, W, 3] of one size on the CPU. All throw std::invalid_argument for others.

/// Peak signal-to-noise ratio in dB over all values, peak 255; infinite for equal pictures. Symmetric.
double psnr(const at::Tensor& a, const at::Tensor& b);

/// Mean absolute difference of all values, in levels: 0 .. 255.
double mean_absolute_difference(const at::Tensor& a, const at::Tensor& b);

/// Structural similarity (Wang et al. 2004, https://doi.org/10.1109/TIP.2003.819861): mean over channels and
/// all pixels at least 5 from the border; Gaussian window of sigma 1.5 and 11 taps, K1 0.01, K2 0.03,
/// float64. As scikit-image's structural_similarity(a, b, channel_axis=2, gaussian_weights=True, sigma=1.5,
/// use_sample_covariance=False, data_range=255). -1 .. 1; NaN for pictures with a side under 11.
double ssim(const at::Tensor& a, const at::Tensor& b);

/// |a - b| / |b| in the L2 norm over each step's latent, float64. a, b [steps, C, h, w] of one shape,
/// floating point. 0 where both are 0.
std::vector<double> relative_distances(const at::Tensor& a, const at::Tensor& b);

}  // namespace ldm::experiments
