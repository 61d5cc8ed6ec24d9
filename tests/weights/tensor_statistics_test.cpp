#include "ldm/weights/tensor_statistics.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

namespace ldm::weights {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr std::int64_t kSeveralPieces = (std::int64_t{1} << 21) + 12343;  // a multiple of 5

at::Tensor noise(std::int64_t count, std::uint64_t seed) {
  return at::randn({count}, at::make_generator<at::CPUGeneratorImpl>(seed));
}

TEST(Statistics, AreThoseOfATen) {
  for (const auto dtype : {at::kFloat, at::kHalf, at::kBFloat16, at::kDouble}) {
    const at::Tensor values = (noise(kSeveralPieces, 1) * 3 + 0.5).to(dtype);
    const at::Tensor exact = values.to(at::kDouble);
    const TensorStatistics statistics = statistics_of(values.view({5, -1}));
    EXPECT_EQ(statistics.count, kSeveralPieces);
    EXPECT_TRUE(statistics.finite());
    EXPECT_EQ(statistics.minimum, exact.min().item<double>()) << dtype;
    EXPECT_EQ(statistics.maximum, exact.max().item<double>()) << dtype;
    EXPECT_NEAR(statistics.mean, exact.mean().item<double>(), 1e-12) << dtype;
    EXPECT_NEAR(statistics.deviation, exact.std(/*unbiased=*/false).item<double>(), 1e-9) << dtype;
  }
}

TEST(Statistics, LeaveOutWhatIsNotFinite) {
  at::Tensor values = at::arange(100, at::kFloat);
  values[3] = kNaN;
  values[40] = kInfinity;
  values[41] = -kInfinity;
  for (const auto dtype : {at::kFloat, at::kHalf, at::kBFloat16, at::kDouble}) {
    const TensorStatistics statistics = statistics_of(values.to(dtype));
    EXPECT_EQ(statistics.nan, 1);
    EXPECT_EQ(statistics.infinite, 2);
    EXPECT_EQ(statistics.minimum, 0);
    EXPECT_EQ(statistics.maximum, 99);
    EXPECT_DOUBLE_EQ(statistics.mean, (4950.0 - 3 - 40 - 41) / 97);
  }
}

TEST(Statistics, OfIntegersBoolsStridedAndEmptyTensors) {
  EXPECT_EQ(statistics_of(at::arange(5)).mean, 2);
  EXPECT_EQ(statistics_of(at::ones({3}, at::kBool)).maximum, 1);
  const at::Tensor matrix = at::arange(6, at::kFloat).view({2, 3});
  EXPECT_EQ(statistics_of(matrix.select(1, 0)).maximum, 3);
  const TensorStatistics none = statistics_of(at::empty({0, 3}));
  EXPECT_EQ(none.count, 0);
  EXPECT_TRUE(std::isnan(none.minimum) && std::isnan(none.mean));
  const TensorStatistics no_number = statistics_of(at::full({3}, kNaN));
  EXPECT_EQ(no_number.nan, 3);
  EXPECT_TRUE(std::isnan(no_number.maximum));
}

TEST(Distance, IsRelativeToTheFirst) {
  const at::Tensor a = noise(kSeveralPieces, 1), b = noise(kSeveralPieces, 2);
  const TensorDistance distance = distance_between(a, b);
  const at::Tensor difference = a.to(at::kDouble) - b.to(at::kDouble);
  EXPECT_EQ(distance.unequal, a.ne(b).sum().item<std::int64_t>());
  EXPECT_EQ(distance.largest, difference.abs().max().item<double>());
  EXPECT_NEAR(distance.relative(), (difference.norm() / a.to(at::kDouble).norm()).item<double>(), 1e-12);
}

TEST(Distance, OfEqualTensorsIsZero) {
  at::Tensor values = noise(100000, 3);
  values[5] = kNaN;
  values[6] = kInfinity;
  const TensorDistance distance = distance_between(values, values.clone());
  EXPECT_EQ(distance.unequal, 0);
  EXPECT_EQ(distance.relative(), 0);
  EXPECT_EQ(distance.largest, 0);
}

TEST(Distance, OfOneTypeCountsBits) {
  const at::Tensor zeros = at::zeros({20});
  const TensorDistance signs = distance_between(zeros, -zeros);
  EXPECT_EQ(signs.unequal, 20);
  EXPECT_EQ(signs.relative(), 0);
  // Beyond 2^53, where float64 has no room for them.
  const at::Tensor large = at::full({3}, std::int64_t{1} << 60, at::kLong);
  EXPECT_EQ(distance_between(large, large + 1).unequal, 3);
  // A half NaN that a conversion to float may make quiet.
  const at::Tensor signalling = at::full({2}, 0x7c01, at::kShort).view(at::kHalf);
  const at::Tensor quiet = at::full({2}, 0x7e01, at::kShort).view(at::kHalf);
  EXPECT_EQ(distance_between(signalling, quiet).unequal, 2);
}

TEST(Distance, OfDifferentTypesCountsValues) {
  const at::Tensor values = at::arange(100, at::kFloat);
  EXPECT_EQ(distance_between(values, values.to(at::kHalf)).unequal, 0);
  const TensorDistance rounded = distance_between(values / 3, (values / 3).to(at::kBFloat16));
  EXPECT_GT(rounded.unequal, 50);
  EXPECT_GT(rounded.relative(), 1e-4);
  EXPECT_LT(rounded.relative(), 1.0 / 256);
}

TEST(Distance, FromWhatIsNotFiniteIsInfinite) {
  at::Tensor a = at::ones({4});
  at::Tensor b = a.clone();
  b[2] = kNaN;
  EXPECT_EQ(distance_between(a, b).unequal, 1);
  EXPECT_EQ(distance_between(a, b).largest, std::numeric_limits<double>::infinity());
  EXPECT_EQ(distance_between(b, a).relative(), std::numeric_limits<double>::infinity());
  EXPECT_EQ(distance_between(at::zeros({4}), a).relative(), std::numeric_limits<double>::infinity());
}

TEST(Distance, NeedsOneShape) {
  EXPECT_THROW(distance_between(at::ones({2, 3}), at::ones({3, 2})), std::invalid_argument);
}

TEST(Statistics, DoNotDependOnTheNumberOfThreads) {
  const at::Tensor a = noise(kSeveralPieces, 4), b = noise(kSeveralPieces, 5);
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const TensorStatistics single = statistics_of(a);
  const double distance = distance_between(a, b).relative();
  at::set_num_threads(3);
  EXPECT_EQ(statistics_of(a).mean, single.mean);
  EXPECT_EQ(statistics_of(a).deviation, single.deviation);
  EXPECT_EQ(distance_between(a, b).relative(), distance);
  at::set_num_threads(threads);
}

}  // namespace
}  // namespace ldm::weights
