#include "ldm/modules/state.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>

#include "ldm/modules/layers.h"

namespace ldm {
namespace {

void check_shape(const std::string& name, const torch::Tensor& expected, const torch::Tensor& given) {
  if (expected.sizes() == given.sizes()) return;
  std::ostringstream message;
  message << "expected shape " << expected.sizes() << " for '" << name << "', got " << given.sizes();
  throw std::invalid_argument(message.str());
}

/// Replaces what a tensor object holds; every other handle to that object sees the change.
std::function<void(const torch::Tensor&)> in_place_binder(const std::string& key, torch::Tensor slot) {
  return [slot, key](const torch::Tensor& tensor) {
    check_shape(key, slot, tensor);
    slot.set_data(tensor);
  };
}

/// Leaf layers' parameters start on the meta device, which set_data cannot leave, and are mirrored in
/// members.
std::function<void(const torch::Tensor&)> parameter_binder(torch::nn::Module& owner, const std::string& key,
                                                           const torch::Tensor& parameter) {
  if (auto* layer = dynamic_cast<LeafLayer*>(&owner)) {
    return [layer, key](const torch::Tensor& tensor) { layer->bind_parameter(key, tensor); };
  }
  return in_place_binder(key, parameter);
}

void collect(torch::nn::Module& module, const std::string& prefix, std::vector<StateEntry>& entries) {
  for (const auto& item : module.named_parameters(/*recurse=*/false)) {
    entries.push_back(
        {prefix + item.key(), item.value(), true, parameter_binder(module, item.key(), item.value())});
  }
  for (const auto& item : module.named_buffers(/*recurse=*/false)) {
    entries.push_back({prefix + item.key(), item.value(), false, in_place_binder(item.key(), item.value())});
  }
  for (const auto& child : module.named_children())
    collect(*child.value(), prefix + child.key() + ".", entries);
}

}  // namespace

std::vector<StateEntry> state_of(torch::nn::Module& module) {
  std::vector<StateEntry> entries;
  collect(module, "", entries);
  return entries;
}

std::vector<StateEntry> parameters_of(torch::nn::Module& module) {
  std::vector<StateEntry> entries = state_of(module);
  const auto is_buffer = [](const StateEntry& entry) { return !entry.is_parameter; };
  entries.erase(std::remove_if(entries.begin(), entries.end(), is_buffer), entries.end());
  return entries;
}

void convert_parameters(torch::nn::Module& module, c10::ScalarType dtype) {
  const at::NoGradGuard no_grad;
  for (StateEntry& entry : parameters_of(module)) entry.bind(entry.tensor.to(dtype));
}

}  // namespace ldm
