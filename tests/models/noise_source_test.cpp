#include "ldm/models/diffusion/noise_source.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace ldm {
namespace {

constexpr std::int64_t kSizes[] = {3, 2, 5, 4};
const at::IntArrayRef kBatch(kSizes);

TEST(BatchNoise, DrawsWhatTheDefaultGeneratorGives) {
  at::manual_seed(42);
  const at::Tensor first = at::randn(kBatch), second = at::randn(kBatch);
  BatchNoise noise(42, c10::kCPU);
  EXPECT_TRUE(at::equal(noise.normal(NoiseUse::start, kBatch, c10::kCPU), first));
  EXPECT_TRUE(at::equal(noise.normal(NoiseUse::step, kBatch, c10::kCPU), second));
}

TEST(BatchNoise, OnTheCpuThePosteriorTakesPartInTheOneStream) {
  at::manual_seed(42);
  const at::Tensor first = at::randn(kBatch), second = at::randn(kBatch);
  BatchNoise noise(42, c10::kCPU);
  EXPECT_TRUE(at::equal(noise.normal(NoiseUse::posterior, kBatch, c10::kCPU), first));
  EXPECT_TRUE(at::equal(noise.normal(NoiseUse::encode, kBatch, c10::kCPU), second));
}

TEST(BatchNoise, DropoutIsTorchs) {
  at::manual_seed(7);
  const at::Tensor values = at::randn(kBatch);
  const at::Tensor expected = at::dropout(values, 0.3, /*train=*/true);
  BatchNoise noise(7, c10::kCPU);
  ASSERT_TRUE(at::equal(noise.normal(NoiseUse::step, kBatch, c10::kCPU), values));
  EXPECT_TRUE(at::equal(noise.dropout(values, 0.3), expected));
  EXPECT_TRUE(at::equal(noise.dropout(values, 0), values));
  EXPECT_TRUE(at::equal(noise.dropout(values, 1), at::zeros(kBatch)));
  EXPECT_THROW(noise.dropout(values, 1.5), std::invalid_argument);
}

TEST(PerImageNoise, RowKIsTheRunOfOneWithTheSeedPlusK) {
  PerImageNoise batch(42, 3, c10::kCPU);
  const at::Tensor first = batch.normal(NoiseUse::start, kBatch, c10::kCPU);
  const at::Tensor dropped = batch.dropout(first, 0.5);
  const at::Tensor second = batch.normal(NoiseUse::step, kBatch, c10::kCPU);
  for (std::int64_t k = 0; k < 3; ++k) {
    BatchNoise one(static_cast<std::uint64_t>(42 + k), c10::kCPU);
    const at::Tensor row = one.normal(NoiseUse::start, {1, 2, 5, 4}, c10::kCPU);
    EXPECT_TRUE(at::equal(first.slice(0, k, k + 1), row));
    EXPECT_TRUE(at::equal(dropped.slice(0, k, k + 1), one.dropout(row, 0.5)));
    EXPECT_TRUE(at::equal(second.slice(0, k, k + 1), one.normal(NoiseUse::step, {1, 2, 5, 4}, c10::kCPU)));
  }
}

TEST(PerImageNoise, RefusesAnotherNumberOfRows) {
  PerImageNoise noise(42, 2, c10::kCPU);
  EXPECT_THROW(noise.normal(NoiseUse::start, kBatch, c10::kCPU), std::invalid_argument);
  EXPECT_THROW(noise.dropout(at::zeros(kBatch), 0.5), std::invalid_argument);
  EXPECT_THROW(PerImageNoise(42, 0, c10::kCPU), std::invalid_argument);
}

}  // namespace
}  // namespace ldm
