#include "ldm/checkpoint/scalar.h"

#include <array>
#include <charconv>

namespace ldm::checkpoint {
namespace {

struct TextOf {
  std::string operator()(bool value) const { return value ? "True" : "False"; }
  std::string operator()(std::int64_t value) const { return std::to_string(value); }
  std::string operator()(double value) const {
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    return {text.data(), end};
  }
  std::string operator()(const std::string& value) const { return value; }
};

}  // namespace

std::string scalar_text(const Scalar& scalar) {
  return std::visit(TextOf(), scalar);
}

}  // namespace ldm::checkpoint
