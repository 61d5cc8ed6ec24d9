#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ldm/checkpoint/pickle_value.h"
#include "ldm/checkpoint/scalar.h"

namespace ldm::checkpoint {

/// The value of a pickle as a scalar; false if it is none. Texts are cut at 4096 bytes.
bool read_scalar(const Value& value, Scalar& scalar);

/// What a .ckpt holds beside its state dict, under paths such as "optimizer_states.0.state.3.exp_avg": keys
/// and numbers of list items, joined by dots.
struct TorchExtras {
  std::vector<std::pair<std::string, const Value*>> tensors;
  NamedScalars scalars;
};

/// Walks every container under the dict `top` but "state_dict"; keys that are neither texts nor whole
/// numbers, and values that are neither tensors nor scalars, are left out. `label` begins the messages.
/// Throws CheckpointError for more than 2^18 values, 64 levels or a path of more than 200 bytes: values may
/// be shared, so that a small pickle can hold a tree of any size.
TorchExtras collect_extras(const Value& top, const std::string& label);

}  // namespace ldm::checkpoint
