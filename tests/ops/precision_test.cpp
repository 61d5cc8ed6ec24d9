#include "ldm/ops/precision.h"

#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace {

using ldm::AutocastScope;
using ldm::parse_precision;
using ldm::Precision;

const c10::Device kGpu(c10::DeviceType::CUDA, 0);
const c10::Device kCpu(c10::DeviceType::CPU);

bool cuda_autocast() {
  return at::autocast::is_autocast_enabled(at::kCUDA);
}
c10::ScalarType cuda_type() {
  return at::autocast::get_autocast_dtype(at::kCUDA);
}

// Counts the scopes that are open without changing their number.
int open_scopes() {
  at::autocast::increment_nesting();
  return at::autocast::decrement_nesting();
}

TEST(Precision, ParsesItsOwnNames) {
  for (const Precision precision : {Precision::full, Precision::autocast, Precision::half, Precision::bf16}) {
    EXPECT_EQ(parse_precision(to_string(precision)), precision);
  }
  EXPECT_EQ(to_string(Precision::bf16), "bf16");
  EXPECT_EQ(parse_precision("autocast"), Precision::autocast);
}

TEST(Precision, NamesTheFourForAnyOther) {
  for (const std::string text : {"fp16", "", "Full", "half "}) {
    try {
      parse_precision(text);
      FAIL() << "accepted \"" << text << "\"";
    } catch (const std::invalid_argument& error) {
      EXPECT_EQ(error.what(),
                "precision: expected \"full\", \"autocast\", \"half\" or \"bf16\", got \"" + text + "\"");
    }
  }
}

TEST(AutocastScope, IsOnForCudaOnlyWhileItLives) {
  ASSERT_FALSE(cuda_autocast());
  {
    const AutocastScope scope(kGpu, Precision::autocast);
    EXPECT_TRUE(cuda_autocast());
    EXPECT_EQ(cuda_type(), at::kHalf);
    EXPECT_FALSE(at::autocast::is_autocast_enabled(at::kCPU));
    EXPECT_EQ(open_scopes(), 1);
  }
  EXPECT_FALSE(cuda_autocast());
  EXPECT_EQ(open_scopes(), 0);
}

TEST(AutocastScope, RestoresAnotherTypeAndCacheState) {
  at::autocast::set_autocast_dtype(at::kCUDA, at::kBFloat16);
  ASSERT_TRUE(at::autocast::is_autocast_cache_enabled());
  {
    const AutocastScope scope(kGpu, Precision::autocast, false);
    EXPECT_EQ(cuda_type(), at::kHalf);
    EXPECT_FALSE(at::autocast::is_autocast_cache_enabled());
  }
  EXPECT_EQ(cuda_type(), at::kBFloat16);
  EXPECT_TRUE(at::autocast::is_autocast_cache_enabled());
  at::autocast::set_autocast_dtype(at::kCUDA, at::kHalf);
}

TEST(AutocastScope, Nests) {
  const AutocastScope outer(kGpu, Precision::autocast);
  {
    const AutocastScope inner(kGpu, Precision::autocast);
    EXPECT_EQ(open_scopes(), 2);
  }
  EXPECT_TRUE(cuda_autocast());
  EXPECT_EQ(open_scopes(), 1);
}

TEST(AutocastScope, IsOffWhenAnExceptionLeavesIt) {
  try {
    const AutocastScope scope(kGpu, Precision::autocast);
    throw std::runtime_error("stop");
  } catch (const std::runtime_error&) {
    EXPECT_FALSE(cuda_autocast());
  }
  EXPECT_EQ(open_scopes(), 0);
}

TEST(AutocastScope, DoesNothingOnTheCpuOrInAnotherPrecision) {
  const AutocastScope on_cpu(kCpu, Precision::autocast);
  EXPECT_FALSE(cuda_autocast());
  EXPECT_FALSE(at::autocast::is_autocast_enabled(at::kCPU));
  for (const Precision precision : {Precision::full, Precision::half, Precision::bf16}) {
    const AutocastScope scope(kGpu, precision);
    EXPECT_FALSE(cuda_autocast()) << to_string(precision);
  }
  EXPECT_EQ(open_scopes(), 0);
}

TEST(AutocastScope, LeavesCpuArithmeticInFloat32) {
  const at::Tensor x = at::ones({2, 2});
  const AutocastScope scope(kGpu, Precision::autocast);
  EXPECT_EQ(at::mm(x, x).scalar_type(), at::kFloat);
}

}  // namespace
