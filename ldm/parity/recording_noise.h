#pragma once

#include <ATen/core/Tensor.h>

#include <utility>
#include <vector>

#include "ldm/models/diffusion/noise_source.h"

namespace ldm::parity {

/// A source that hands on another one's draws and keeps a copy of each, in order.
class RecordingNoise : public NoiseSource {
 public:
  /// `source` must outlive this.
  explicit RecordingNoise(NoiseSource& source) : source_(source) {}

  at::Tensor normal(NoiseUse use, at::IntArrayRef sizes, c10::Device device) override;
  at::Tensor dropout(const at::Tensor& noise, double p) override { return source_.dropout(noise, p); }

  /// What each draw so far was for.
  std::vector<NoiseUse> uses() const;
  /// The draws for one use, in order.
  std::vector<at::Tensor> draws(NoiseUse use) const;

 private:
  NoiseSource& source_;
  std::vector<std::pair<NoiseUse, at::Tensor>> record_;
};

}  // namespace ldm::parity
