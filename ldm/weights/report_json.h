#pragma once

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>

#include "ldm/checkpoint/scalar.h"
#include "ldm/weights/tensor_statistics.h"

namespace ldm::weights {

/// Members in the order in which they are added.
using Json = nlohmann::ordered_json;

/// null where the number is not finite: JSON has no other word for it.
inline Json number_json(double number) {
  return std::isfinite(number) ? Json(number) : Json();
}

inline Json scalar_json(const checkpoint::Scalar& scalar) {
  return std::visit([](const auto& value) { return Json(value); }, scalar);
}

inline Json distance_json(const TensorDistance& distance) {
  return {{"relative_l2", number_json(distance.relative())},
          {"max_abs", number_json(distance.largest)},
          {"unequal", distance.unequal}};
}

/// Lines with an indent of two, for people who look at it. Bytes that are no UTF-8 (names in a pickle may
/// hold any) become U+FFFD.
inline std::string dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace ldm::weights
