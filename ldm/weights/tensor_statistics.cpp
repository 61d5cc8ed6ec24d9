#include "ldm/weights/tensor_statistics.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "ldm/checkpoint/parallel_pieces.h"

namespace ldm::weights {
namespace {

// Work is shared out in pieces, each with sums of its own that are added up in order: so the number of
// threads changes nothing.
constexpr std::int64_t kPiece = std::int64_t{1} << 20;
// Elements converted at a time: two blocks stay in the second-level cache.
constexpr std::int64_t kBlock = std::int64_t{1} << 14;
// Sums side by side, so that the compiler can use vectors without changing the order of a sum.
constexpr std::int64_t kLanes = 16;

template <typename T>
bool is_finite(T value) {
  return std::abs(value) <=
         std::numeric_limits<T>::max();  // unlike std::isfinite, the compiler vectorises it
}

/// The type in which values of `dtype` are looked at, without loss.
bool fits_float(c10::ScalarType dtype) {
  return dtype == at::kFloat || dtype == at::kHalf || dtype == at::kBFloat16;
}

at::Tensor flat(const at::Tensor& tensor) {
  return tensor.detach().contiguous().view({-1});
}

/// Calls `body(piece, first, count)` for the elements of each piece, on several threads.
template <typename Body>
void for_each_piece(std::int64_t numel, const Body& body) {
  const auto pieces = static_cast<std::size_t>((numel + kPiece - 1) / kPiece);
  checkpoint::for_each_piece(pieces, [&](std::size_t piece) {
    const std::int64_t first = static_cast<std::int64_t>(piece) * kPiece;
    body(piece, first, std::min(kPiece, numel - first));
  });
}

/// Sums over one piece.
template <typename T>
struct Sums {
  std::array<double, kLanes> sum{}, square{};
  std::array<T, kLanes> least, most;
  std::array<std::int64_t, kLanes> nan{}, infinite{};

  Sums() {
    least.fill(std::numeric_limits<T>::infinity());
    most.fill(-std::numeric_limits<T>::infinity());
  }

  void add(T value, std::size_t lane) {
    const bool finite = is_finite(value);
    const T counted = finite ? value : T(0);
    sum[lane] += static_cast<double>(counted);
    square[lane] += static_cast<double>(counted) * static_cast<double>(counted);
    least[lane] = std::min(least[lane], finite ? value : least[lane]);
    most[lane] = std::max(most[lane], finite ? value : most[lane]);
    nan[lane] += value != value ? 1 : 0;
    infinite[lane] += std::abs(value) > std::numeric_limits<T>::max() ? 1 : 0;
  }
  void add(const T* values, std::int64_t count) {
    std::int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane)
        add(values[i + static_cast<std::int64_t>(lane)], lane);
    }
    for (std::size_t lane = 0; i < count; ++i, ++lane) add(values[i], lane);
  }
};

/// The piece's values as T, a block at a time.
template <typename T, typename Body>
void for_each_block(const at::Tensor& values, std::int64_t first, std::int64_t count, const Body& body) {
  for (std::int64_t at = first; at < first + count; at += kBlock) {
    const std::int64_t size = std::min(kBlock, first + count - at);
    const at::Tensor block = values.narrow(0, at, size).to(c10::CppTypeToScalarType<T>::value);
    body(block.const_data_ptr<T>(), at, size);
  }
}

template <typename T>
TensorStatistics gather(const at::Tensor& values) {
  const std::int64_t numel = values.numel();
  std::vector<Sums<T>> pieces(static_cast<std::size_t>((numel + kPiece - 1) / kPiece));
  for_each_piece(numel, [&](std::size_t piece, std::int64_t first, std::int64_t count) {
    for_each_block<T>(values, first, count, [&](const T* block, std::int64_t, std::int64_t size) {
      pieces[piece].add(block, size);
    });
  });
  TensorStatistics all;
  all.count = numel;
  double sum = 0, square = 0, least = std::numeric_limits<double>::infinity(), most = -least;
  for (const Sums<T>& piece : pieces) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      sum += piece.sum[lane];
      square += piece.square[lane];
      least = std::min(least, static_cast<double>(piece.least[lane]));
      most = std::max(most, static_cast<double>(piece.most[lane]));
      all.nan += piece.nan[lane];
      all.infinite += piece.infinite[lane];
    }
  }
  const auto finite = static_cast<double>(numel - all.nan - all.infinite);
  if (finite == 0) return all;
  all.minimum = least;
  all.maximum = most;
  all.mean = sum / finite;
  all.deviation = std::sqrt(std::max(0.0, square / finite - all.mean * all.mean));
  return all;
}

template <typename T>
bool same_bits(T a, T b) {
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

/// Distances over one piece.
template <typename T>
struct Distances {
  std::array<double, kLanes> square{}, square_a{}, largest{};
  std::array<std::int64_t, kLanes> unequal{};

  void add(T a, T b, bool by_bits, std::size_t lane) {
    const bool differs = by_bits ? !same_bits(a, b) : a != b && !(a != a && b != b);
    const double difference = std::abs(static_cast<double>(a) - static_cast<double>(b));
    // Where one is not finite the difference is infinite or NaN.
    const double counted = is_finite(difference) ? difference : std::numeric_limits<double>::infinity();
    const double distance = differs ? counted : 0;
    const double finite_a = is_finite(a) ? static_cast<double>(a) : 0;
    square[lane] += distance * distance;
    square_a[lane] += finite_a * finite_a;
    largest[lane] = std::max(largest[lane], distance);
    unequal[lane] += differs ? 1 : 0;
  }
  void add(const T* a, const T* b, std::int64_t count, bool by_bits) {
    std::int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const auto at = i + static_cast<std::int64_t>(lane);
        add(a[at], b[at], by_bits, lane);
      }
    }
    for (std::size_t lane = 0; i < count; ++i, ++lane) add(a[i], b[i], by_bits, lane);
  }
  std::int64_t total_unequal() const {
    return std::accumulate(unequal.begin(), unequal.end(), std::int64_t{0});
  }
};

/// Elements of `item` bytes each that differ in any bit.
std::int64_t count_different(const std::uint8_t* a, const std::uint8_t* b, std::int64_t count,
                             std::size_t item) {
  std::int64_t different = 0;
  for (std::int64_t i = 0; i < count; ++i, a += item, b += item) different += std::memcmp(a, b, item) != 0;
  return different;
}

template <typename T>
TensorDistance compare(const at::Tensor& a, const at::Tensor& b) {
  constexpr auto kType = c10::CppTypeToScalarType<T>::value;
  const bool by_bits = a.scalar_type() == b.scalar_type();
  const auto item = static_cast<std::size_t>(a.element_size());
  const auto* bytes_a = static_cast<const std::uint8_t*>(a.const_data_ptr());
  const auto* bytes_b = static_cast<const std::uint8_t*>(b.const_data_ptr());
  std::vector<Distances<T>> pieces(static_cast<std::size_t>((a.numel() + kPiece - 1) / kPiece));
  for_each_piece(a.numel(), [&](std::size_t piece, std::int64_t first, std::int64_t count) {
    Distances<T>& sums = pieces[piece];
    for_each_block<T>(a, first, count, [&](const T* block_a, std::int64_t at, std::int64_t size) {
      const at::Tensor converted = b.narrow(0, at, size).to(kType);
      const std::int64_t before = sums.total_unequal();
      sums.add(block_a, converted.const_data_ptr<T>(), size, by_bits);
      if (!by_bits || sums.total_unequal() != before) return;
      // What the conversion made equal: large integers, NaN of other bits.
      const std::size_t offset = static_cast<std::size_t>(at) * item;
      const std::size_t bytes = static_cast<std::size_t>(size) * item;
      if (std::memcmp(bytes_a + offset, bytes_b + offset, bytes) == 0) return;
      sums.unequal[0] += count_different(bytes_a + offset, bytes_b + offset, size, item);
    });
  });
  TensorDistance all;
  for (const Distances<T>& piece : pieces) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      all.add({piece.unequal[lane], piece.largest[lane], piece.square[lane], piece.square_a[lane]});
    }
  }
  return all;
}

}  // namespace

TensorStatistics statistics_of(const at::Tensor& tensor) {
  const at::Tensor values = flat(tensor);
  return fits_float(tensor.scalar_type()) ? gather<float>(values) : gather<double>(values);
}

double TensorDistance::relative() const {
  if (square_sum == 0) return 0;
  return std::sqrt(square_sum) / std::sqrt(square_sum_a);
}

void TensorDistance::add(const TensorDistance& other) {
  unequal += other.unequal;
  largest = std::max(largest, other.largest);
  square_sum += other.square_sum;
  square_sum_a += other.square_sum_a;
}

TensorDistance distance_between(const at::Tensor& a, const at::Tensor& b) {
  if (a.sizes() != b.sizes()) throw std::invalid_argument("expected two tensors of one shape");
  const at::Tensor flat_a = flat(a), flat_b = flat(b);
  const bool single = fits_float(a.scalar_type()) && fits_float(b.scalar_type());
  return single ? compare<float>(flat_a, flat_b) : compare<double>(flat_a, flat_b);
}

}  // namespace ldm::weights
