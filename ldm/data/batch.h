#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "ldm/data/dataset.h"

namespace ldm::data {

/// Several examples, field by field.
struct Batch {
  /// Tensors are stacked: images [B, H, W, 3] float32; class labels are an int64 tensor [B]; texts a list.
  using Field = std::variant<at::Tensor, std::vector<std::string>>;

  std::map<std::string, Field> fields;
  std::vector<std::int64_t> indices;  ///< [B], the items in the dataset
  std::int64_t epoch = 0;
  std::int64_t index = 0;  ///< of the batch in its epoch

  std::int64_t size() const { return static_cast<std::int64_t>(indices.size()); }

  /// A field of its kind. Throws std::invalid_argument, with the fields that there are, if there is none of
  /// that name or it is of the other kind.
  const at::Tensor& tensor(const std::string& name) const;
  const std::vector<std::string>& texts(const std::string& name) const;
};

/// torch.utils.data's default_collate: examples with the same fields, at least one -> the batch's fields.
/// `names` [B] are those of the items in messages. Throws ImageError, naming two of the items, if their
/// images differ in size; std::invalid_argument if they differ in their fields.
std::map<std::string, Batch::Field> collate(const std::vector<Example>& examples,
                                            const std::vector<std::string>& names);

}  // namespace ldm::data
