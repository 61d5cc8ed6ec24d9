#pragma once

#include <ATen/core/Generator.h>

#include <cstdint>
#include <initializer_list>

namespace ldm::data {

/// A seed made of several numbers: any change of one, of their order or their count gives an unrelated seed,
/// also in its lower 32 bits, which are all that PyTorch's CPU generator looks at.
std::uint64_t mix_seeds(std::initializer_list<std::uint64_t> numbers);

/// A fresh CPU generator of that seed.
at::Generator make_generator(std::uint64_t seed);

/// A number drawn evenly from [0, 1), with 53 bits. `random` is a CPU generator.
double draw_uniform(at::Generator& random);

/// A number drawn evenly from 0, 1, ... count - 1; 0 for a count of 0 or 1. `count` is below 2^31.
std::int64_t draw_below(std::int64_t count, at::Generator& random);

}  // namespace ldm::data
