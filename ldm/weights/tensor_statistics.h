#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <limits>

namespace ldm::weights {

/// What the values of a tensor are like. Range, mean and deviation are those of its finite values, NaN where
/// there are none; the deviation is that of the population, computed in float64.
struct TensorStatistics {
  std::int64_t count = 0;     ///< elements
  std::int64_t nan = 0;       ///< of them NaN
  std::int64_t infinite = 0;  ///< of them infinite
  double minimum = std::numeric_limits<double>::quiet_NaN();
  double maximum = std::numeric_limits<double>::quiet_NaN();
  double mean = std::numeric_limits<double>::quiet_NaN();
  double deviation = std::numeric_limits<double>::quiet_NaN();

  bool finite() const { return nan + infinite == 0; }
};

/// Reads a CPU tensor of real, integer or bool values once, on all threads; the result does not depend on how
/// many those are.
TensorStatistics statistics_of(const at::Tensor& tensor);

/// How far two tensors of one shape are apart. Of different types the values count, of the same type the
/// bits: then 0 and -0 differ, and two equal NaN do not.
struct TensorDistance {
  std::int64_t unequal = 0;  ///< elements that differ
  double largest = 0;        ///< max |a - b|; infinite where one of two unequal elements is not finite
  double square_sum = 0;     ///< of a - b, likewise
  double square_sum_a = 0;   ///< of the finite values of a

  /// The relative distance |a - b| / |a| in the L2 norm; infinite where a is 0 and b is not.
  double relative() const;
  /// Takes in the distance of two other tensors, as if each were appended to the one here.
  void add(const TensorDistance& other);
};

/// Compares two CPU tensors of the same shape, reading each once, on all threads. Throws
/// std::invalid_argument for different shapes.
TensorDistance distance_between(const at::Tensor& a, const at::Tensor& b);

}  // namespace ldm::weights
