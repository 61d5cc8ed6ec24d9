#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <vector>

namespace ldm {

/// What a draw is for. The reference takes them all from one stream, in the order in which they come up; the
/// use only decides on which device the posterior's noise is drawn, and lets a source tell draws apart.
enum class NoiseUse {
  posterior,  ///< the first stage's posterior when an image is encoded
  start,      ///< x_T, or a fixed start code
  encode,     ///< stochastic_encode of img2img
  q_sample,   ///< the known part's noise when a mask is given
  step        ///< a sampling step, drawn at eta 0 as well
};

/// Where every random number of a run comes from. Sources advance with each draw: one source makes one run,
/// and the same seed makes the same run again. Not thread safe.
class NoiseSource {
 public:
  virtual ~NoiseSource() = default;

  /// Standard normal values, float32, contiguous, of `sizes` [B, ...]: drawn on the generator's device, the
  /// posterior's always on the CPU, and moved to `device`.
  virtual at::Tensor normal(NoiseUse use, at::IntArrayRef sizes, c10::Device device) = 0;

  /// torch.nn.functional.dropout in training mode: each value of `noise` [B, ...] becomes 0 with probability
  /// p, the others are divided by 1 - p. p in [0, 1]; nothing is drawn for 0 and for 1.
  virtual at::Tensor dropout(const at::Tensor& noise, double p) = 0;
};

/// A fresh generator of that device, seeded as torch.manual_seed does; the CPU's uses the low 32 bits only.
/// Throws c10::Error for CUDA without the plug-in.
at::Generator make_generator(c10::Device device, std::uint64_t seed);

/// The reference's order: whole batches from one generator, which lies on the run's device for the
/// reference's numbers. Beside it a CPU generator of the same seed serves the posterior; on the CPU the two
/// are one.
class BatchNoise : public NoiseSource {
 public:
  BatchNoise(std::uint64_t seed, c10::Device device);
  at::Tensor normal(NoiseUse use, at::IntArrayRef sizes, c10::Device device) override;
  at::Tensor dropout(const at::Tensor& noise, double p) override;

 private:
  at::Generator generator_, cpu_generator_;
};

/// Row k of every draw comes from a source of its own with a seed of its own, as a batch of one: image k of
/// the batch is the image that a run of one with that seed gives. Throws std::invalid_argument for a draw
/// with another number of rows, and for none.
class PerImageNoise : public NoiseSource {
 public:
  PerImageNoise(const std::vector<std::uint64_t>& seeds, c10::Device device);
  /// Seeds first_seed, first_seed + 1, ...
  PerImageNoise(std::uint64_t first_seed, std::int64_t images, c10::Device device);
  at::Tensor normal(NoiseUse use, at::IntArrayRef sizes, c10::Device device) override;
  at::Tensor dropout(const at::Tensor& noise, double p) override;

 private:
  void expect_a_row_for_each(at::IntArrayRef sizes) const;

  std::vector<BatchNoise> rows_;
};

}  // namespace ldm
