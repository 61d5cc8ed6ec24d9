#include "ldm/ops/precision.h"

#include <ATen/autocast_mode.h>

#include <array>
#include <stdexcept>
#include <utility>

namespace ldm {
namespace {

constexpr std::array<std::pair<Precision, const char*>, 4> kNames = {{{Precision::full, "full"},
                                                                      {Precision::autocast, "autocast"},
                                                                      {Precision::half, "half"},
                                                                      {Precision::bf16, "bf16"}}};

}  // namespace

Precision parse_precision(const std::string& text) {
  for (const auto& [precision, name] : kNames) {
    if (text == name) {
      return precision;
    }
  }
  throw std::invalid_argument("precision: expected \"full\", \"autocast\", \"half\" or \"bf16\", got \"" +
                              text + "\"");
}

std::string to_string(Precision precision) {
  for (const auto& [known, name] : kNames) {
    if (precision == known) {
      return name;
    }
  }
  throw std::invalid_argument("precision: expected one of the four, got the number " +
                              std::to_string(static_cast<int>(precision)));
}

c10::ScalarType weight_type(Precision precision) {
  if (precision == Precision::half) return c10::ScalarType::Half;
  return precision == Precision::bf16 ? c10::ScalarType::BFloat16 : c10::ScalarType::Float;
}

AutocastScope::AutocastScope(c10::Device device, Precision precision, bool cache_weights)
    : AutocastScope(device.type(),
                    device.is_cuda() && precision == Precision::autocast ? at::kHalf : at::kFloat,
                    cache_weights) {}

AutocastScope::AutocastScope(c10::DeviceType device, c10::ScalarType dtype, bool cache_weights)
    : active_(dtype == at::kHalf || dtype == at::kBFloat16), device_(device) {
  if (!active_) {
    return;
  }
  was_enabled_ = at::autocast::is_autocast_enabled(device);
  was_type_ = at::autocast::get_autocast_dtype(device);
  was_caching_ = at::autocast::is_autocast_cache_enabled();
  at::autocast::set_autocast_enabled(device, true);
  at::autocast::set_autocast_dtype(device, dtype);
  at::autocast::set_autocast_cache_enabled(cache_weights);
  at::autocast::increment_nesting();
}

AutocastScope::~AutocastScope() {
  if (!active_) {
    return;
  }
  if (at::autocast::decrement_nesting() == 0) {
    at::autocast::clear_cache();
  }
  at::autocast::set_autocast_enabled(device_, was_enabled_);
  at::autocast::set_autocast_dtype(device_, was_type_);
  at::autocast::set_autocast_cache_enabled(was_caching_);
}

}  // namespace ldm
