#include "ldm/data/dataset.h"

#include <iterator>

namespace ldm::data {

Dataset::~Dataset() = default;

Example Dataset::labels(std::int64_t index, at::Generator& random) const {
  Example example = get(index, random);
  for (auto field = example.begin(); field != example.end();) {
    field = std::holds_alternative<at::Tensor>(field->second) ? example.erase(field) : std::next(field);
  }
  return example;
}

}  // namespace ldm::data
