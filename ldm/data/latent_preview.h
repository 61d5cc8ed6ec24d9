#pragma once

#include <ATen/core/Tensor.h>

namespace ldm::data {

/// A small picture of latents without the decoder: each pixel a linear function of the four channels of
/// Stable Diffusion v1, one pixel for each row and column of the latent. The 4x3 factors were found by
/// regression on v1.4's pictures and published at
/// https://discuss.huggingface.co/t/decoding-latents-to-rgb-without-upscaling/23204/2; the webui's and
/// ComfyUI's cheap previews use them too. Good to see where a picture is going, a little pale.
///
/// x0 [B, 4, h, w] floating point on any device, scaled as the sampler holds it -> [B, h, w, 3] uint8 on the
/// CPU, contiguous; NaN becomes black. Throws std::invalid_argument for another rank, dtype or number of
/// channels: the latents of other models have other factors.
at::Tensor latent_preview(const at::Tensor& x0);

}  // namespace ldm::data
