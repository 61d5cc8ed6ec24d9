#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace ldm::checkpoint {

/// A plain value of Python (bool, int, float, str), as a .ckpt holds them beside its tensors.
using Scalar = std::variant<bool, std::int64_t, double, std::string>;

struct NamedScalar {
  std::string name;
  Scalar value;
};

/// In their order; names are there once.
using NamedScalars = std::vector<NamedScalar>;

/// True or False, a number without loss in its shortest form, a text as it is.
std::string scalar_text(const Scalar& scalar);

}  // namespace ldm::checkpoint
