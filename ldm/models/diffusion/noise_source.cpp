#include "ldm/models/diffusion/noise_source.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <string>

namespace ldm {
namespace {

/// As torch's dropout does: its fused kernel on CUDA, a Bernoulli mask elsewhere.
at::Tensor dropout_with(const at::Generator& generator, const at::Tensor& noise, double p) {
  const double keep = 1.0 - p;
  if (noise.is_cuda() && generator.device().is_cuda()) {
    return std::get<0>(at::_fused_dropout(noise, keep, generator));
  }
  at::Tensor mask = at::empty(noise.sizes(), noise.options().device(generator.device()));
  mask.bernoulli_(keep, generator).div_(keep);
  return noise * mask.to(noise.device());
}

std::vector<std::uint64_t> consecutive(std::uint64_t first, std::int64_t count) {
  std::vector<std::uint64_t> seeds(static_cast<std::size_t>(std::max<std::int64_t>(count, 0)));
  std::iota(seeds.begin(), seeds.end(), first);
  return seeds;
}

}  // namespace

at::Generator make_generator(c10::Device device, std::uint64_t seed) {
  if (device.is_cpu()) return at::make_generator<at::CPUGeneratorImpl>(seed);
  at::Generator generator =
      at::globalContext().getAcceleratorHooksInterface(device.type()).getNewGenerator(device.index());
  generator.set_current_seed(seed);
  return generator;
}

BatchNoise::BatchNoise(std::uint64_t seed, c10::Device device)
    : generator_(make_generator(device, seed)),
      cpu_generator_(device.is_cpu() ? generator_ : make_generator(c10::kCPU, seed)) {}

at::Tensor BatchNoise::normal(NoiseUse use, at::IntArrayRef sizes, c10::Device device) {
  const at::Generator& generator = use == NoiseUse::posterior ? cpu_generator_ : generator_;
  return at::randn(sizes, generator, at::TensorOptions(at::kFloat).device(generator.device())).to(device);
}

at::Tensor BatchNoise::dropout(const at::Tensor& noise, double p) {
  if (!(p >= 0 && p <= 1)) {
    throw std::invalid_argument("expected a dropout probability in [0, 1], got " + std::to_string(p));
  }
  if (p == 0) return noise;
  return p == 1 ? at::zeros_like(noise) : dropout_with(generator_, noise, p);
}

PerImageNoise::PerImageNoise(const std::vector<std::uint64_t>& seeds, c10::Device device) {
  if (seeds.empty()) throw std::invalid_argument("expected at least 1 image, got 0");
  for (const std::uint64_t seed : seeds) rows_.emplace_back(seed, device);
}

PerImageNoise::PerImageNoise(std::uint64_t first_seed, std::int64_t images, c10::Device device)
    : PerImageNoise(consecutive(first_seed, images), device) {}

void PerImageNoise::expect_a_row_for_each(at::IntArrayRef sizes) const {
  const auto images = static_cast<std::int64_t>(rows_.size());
  if (!sizes.empty() && sizes[0] == images) return;
  throw std::invalid_argument("expected a draw with one row for each of " + std::to_string(images) +
                              " seeds, got " + std::to_string(sizes.empty() ? 0 : sizes[0]) + " rows");
}

at::Tensor PerImageNoise::normal(NoiseUse use, at::IntArrayRef sizes, c10::Device device) {
  expect_a_row_for_each(sizes);
  std::vector<std::int64_t> row_sizes = sizes.vec();
  row_sizes[0] = 1;
  std::vector<at::Tensor> draws;
  for (BatchNoise& row : rows_) draws.push_back(row.normal(use, row_sizes, device));
  return at::cat(draws);
}

at::Tensor PerImageNoise::dropout(const at::Tensor& noise, double p) {
  expect_a_row_for_each(noise.sizes());
  std::vector<at::Tensor> dropped;
  for (std::size_t k = 0; k < rows_.size(); ++k) {
    dropped.push_back(rows_[k].dropout(noise.narrow(0, static_cast<std::int64_t>(k), 1), p));
  }
  return at::cat(dropped);
}

}  // namespace ldm
