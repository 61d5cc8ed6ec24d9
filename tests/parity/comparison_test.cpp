#include "ldm/parity/comparison.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>

#include "tests/support/paths.h"

namespace ldm::parity {
namespace {

const Tolerance kTolerance;

TEST(Comparison, EqualTensorsPassAndPerturbedOnesFailForEveryType) {
  const at::Tensor values = at::linspace(0, 200, 4000);
  for (const auto type : {at::kFloat, at::kDouble, at::kHalf, at::kByte, at::kLong}) {
    const at::Tensor expected = values.to(type);
    EXPECT_TRUE(compare_tensors("x", expected, expected, kTolerance).passed) << type;
    EXPECT_FALSE(compare_tensors("x", expected, perturbed(expected, kTolerance), kTolerance).passed) << type;
  }
}

TEST(Comparison, NaNNeverPasses) {
  at::Tensor broken = at::ones({4});
  broken[2] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(compare_tensors("x", broken, at::ones({4}), kTolerance).passed);
  EXPECT_FALSE(compare_tensors("x", at::ones({4}), broken, kTolerance).passed);
}

TEST(Comparison, OtherShapeFailsAndSaysSo) {
  const auto result = compare_tensors("x", at::ones({4}), at::ones({2, 2}), kTolerance);
  EXPECT_FALSE(result.passed);
  EXPECT_EQ(result.note, "expected shape [2, 2], got [4]");
}

TEST(Comparison, ImagesMayDifferByOneLevelInFewValuesOnly) {
  const at::Tensor image = at::full({1000}, 100, at::kByte);
  at::Tensor few = image.clone(), far = image.clone(), many = image.clone();
  few.slice(0, 0, 3).add_(1);
  many.slice(0, 0, 4).add_(1);
  far.slice(0, 0, 1).add_(2);
  EXPECT_TRUE(compare_tensors("x", few, image, kTolerance).passed);
  EXPECT_FALSE(compare_tensors("x", many, image, kTolerance).passed);
  EXPECT_FALSE(compare_tensors("x", far, image, kTolerance).passed);
}

TEST(Comparison, ZerosMustBeMetAbsolutely) {
  EXPECT_FALSE(compare_tensors("x", at::full({4}, 1e-3), at::zeros({4}), kTolerance).passed);
  EXPECT_TRUE(compare_tensors("x", at::zeros({4}), at::zeros({4}), kTolerance).passed);
}

/// Whether the golden's own tensor, scaled, passes a comparison.
bool passes_when_scaled(void (Comparison::*compare)(const std::string&, const at::Tensor&), double factor) {
  const CaseFile file(testing::golden_path("tiny_ddpm25.safetensors"));
  Comparison comparison(file, kTolerance, /*selftest=*/false);
  (comparison.*compare)("out", file.tensor("out") * factor);
  return comparison.passed();
}

TEST(Comparison, WhatASamplerMadeMayBeTenTimesFartherThanOnePass) {
  EXPECT_FALSE(passes_when_scaled(&Comparison::compare, 1 + 5e-5));
  EXPECT_TRUE(passes_when_scaled(&Comparison::compare_sampled, 1 + 5e-5));
  EXPECT_FALSE(passes_when_scaled(&Comparison::compare_sampled, 1 + 2e-4));
}

TEST(Comparison, EveryTensorOfTheFileMustBeReadOrCompared) {
  const CaseFile file(testing::golden_path("tiny_ddpm25.safetensors"));
  Comparison comparison(file, kTolerance, /*selftest=*/false);
  comparison.compare("out", file.tensor("out"));
  comparison.compare("x_T", file.tensor("x_T"));
  EXPECT_TRUE(comparison.passed());
  comparison.finish();
  EXPECT_FALSE(comparison.passed()) << "c was left out";
}

TEST(CaseFile, NumbersMustBeNumbersToTheEnd) {
  const CaseFile file(testing::golden_path("tiny_ddpm25.safetensors"));
  EXPECT_EQ(file.integer("timesteps", 0), 25);
  EXPECT_EQ(file.real("timesteps", 0), 25.0);
  EXPECT_EQ(file.real("absent", 0.5), 0.5);
  EXPECT_THROW(file.integer("config", 0), std::runtime_error);
  EXPECT_THROW(file.real("config", 0), std::runtime_error);
}

}  // namespace
}  // namespace ldm::parity
