#include "ldm/data/batch.h"

#include <ATen/ATen.h>

#include <sstream>
#include <stdexcept>

#include "ldm/data/error.h"

namespace ldm::data {
namespace {

template <typename T>
const T& field_of(const Batch& batch, const std::string& name, const char* kind) {
  const auto found = batch.fields.find(name);
  const T* value = found == batch.fields.end() ? nullptr : std::get_if<T>(&found->second);
  if (value != nullptr) return *value;
  std::string known;
  for (const auto& [other, field] : batch.fields) known += (known.empty() ? "" : ", ") + other;
  throw std::invalid_argument("expected a field '" + name + "' with " + kind + " in the examples, got " +
                              (found == batch.fields.end() ? "none of that name" : "another kind") +
                              "; they have " + known);
}

std::string text_of(const at::Tensor& tensor) {
  std::ostringstream text;
  text << tensor.scalar_type() << " " << tensor.sizes();
  return text.str();
}

using Names = std::vector<std::string>;

/// The value of one field in every example, all of the same kind.
template <typename T>
std::vector<T> column(const std::vector<Example>& examples, const std::string& key, const Names& names) {
  std::vector<T> values;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    const auto found = examples[i].find(key);
    const T* value = found == examples[i].end() ? nullptr : std::get_if<T>(&found->second);
    if (value == nullptr) {
      throw std::invalid_argument("expected the same fields in all examples, got a field '" + key + "' of '" +
                                  names[0] + "' that '" + names[i] + "' has not");
    }
    values.push_back(*value);
  }
  return values;
}

at::Tensor stack(const std::vector<at::Tensor>& tensors, const std::string& key, const Names& names) {
  for (std::size_t i = 1; i < tensors.size(); ++i) {
    const bool same =
        tensors[i].sizes() == tensors[0].sizes() && tensors[i].scalar_type() == tensors[0].scalar_type();
    if (same) continue;
    throw ImageError("expected values of one shape for '" + key + "' in a batch, got " + text_of(tensors[0]) +
                     " from '" + names[0] + "' and " + text_of(tensors[i]) + " from '" + names[i] +
                     "': set the dataset's size, which brings all images to one");
  }
  return at::stack(tensors);
}

Batch::Field collate_field(const std::vector<Example>& examples, const std::string& key, const Names& names) {
  const FieldValue& first = examples[0].at(key);
  if (std::holds_alternative<at::Tensor>(first)) {
    return stack(column<at::Tensor>(examples, key, names), key, names);
  }
  if (std::holds_alternative<std::string>(first)) return column<std::string>(examples, key, names);
  return at::tensor(column<std::int64_t>(examples, key, names), at::kLong);
}

}  // namespace

const at::Tensor& Batch::tensor(const std::string& name) const {
  return field_of<at::Tensor>(*this, name, "tensors");
}

const std::vector<std::string>& Batch::texts(const std::string& name) const {
  return field_of<std::vector<std::string>>(*this, name, "texts");
}

std::map<std::string, Batch::Field> collate(const std::vector<Example>& examples, const Names& names) {
  if (examples.empty() || names.size() != examples.size()) {
    throw std::invalid_argument("collate: expected at least one example and a name for each, got " +
                                std::to_string(examples.size()) + " and " + std::to_string(names.size()));
  }
  std::map<std::string, Batch::Field> fields;
  for (const auto& [key, value] : examples[0]) fields.emplace(key, collate_field(examples, key, names));
  return fields;
}

}  // namespace ldm::data
