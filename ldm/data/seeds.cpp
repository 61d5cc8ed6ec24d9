#include "ldm/data/seeds.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/DistributionsHelper.h>

#include <mutex>

namespace ldm::data {
namespace {

/// The output function of SplitMix64 (Steele, Lea, Flood 2014): each bit of the result depends on all bits.
std::uint64_t scramble(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

}  // namespace

std::uint64_t mix_seeds(std::initializer_list<std::uint64_t> numbers) {
  std::uint64_t mixed = numbers.size();
  for (const std::uint64_t number : numbers) mixed = scramble(mixed ^ scramble(number));
  return mixed;
}

at::Generator make_generator(std::uint64_t seed) {
  return at::make_generator<at::CPUGeneratorImpl>(seed);
}

double draw_uniform(at::Generator& random) {
  auto* generator = at::check_generator<at::CPUGeneratorImpl>(random);
  const std::lock_guard<std::mutex> lock(generator->mutex_);
  return at::uniform_real_distribution<double>(0.0, 1.0)(generator);
}

std::int64_t draw_below(std::int64_t count, at::Generator& random) {
  return static_cast<std::int64_t>(draw_uniform(random) * static_cast<double>(count));
}

}  // namespace ldm::data
