#include "ldm/parity/recording_noise.h"

#include <ATen/ATen.h>

namespace ldm::parity {

at::Tensor RecordingNoise::normal(NoiseUse use, at::IntArrayRef sizes, c10::Device device) {
  const at::Tensor draw = source_.normal(use, sizes, device);
  record_.emplace_back(use, draw.clone());
  return draw;
}

std::vector<NoiseUse> RecordingNoise::uses() const {
  std::vector<NoiseUse> uses;
  for (const auto& [use, draw] : record_) uses.push_back(use);
  return uses;
}

std::vector<at::Tensor> RecordingNoise::draws(NoiseUse use) const {
  std::vector<at::Tensor> draws;
  for (const auto& [each, draw] : record_) {
    if (each == use) draws.push_back(draw);
  }
  return draws;
}

}  // namespace ldm::parity
