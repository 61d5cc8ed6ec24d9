#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include <functional>
#include <string>
#include <utility>

namespace ldm {

/// Base of every module of this library: a torch::nn::Module whose output can be watched.
///
/// LibTorch has no forward hooks, so a module hands its result through `observed` before it returns it. The
/// parity program uses this to compare intermediate values; with no observer set the cost is one test.
class Module : public torch::nn::Module {
 public:
  using OutputObserver = std::function<void(const torch::Tensor& output)>;

  /// Called with the output of each forward pass until it is replaced; an empty function stops it.
  /// Not thread safe: set it while no forward pass runs.
  void set_output_observer(OutputObserver observer) { observer_ = std::move(observer); }
  bool is_observed() const { return static_cast<bool>(observer_); }

 protected:
  /// This module's own buffer of that name. Throws c10::Error when there is none.
  torch::Tensor buffer(const std::string& name) const { return named_buffers(/*recurse=*/false)[name]; }
  torch::Tensor observed(torch::Tensor output) const {
    if (observer_) observer_(output);
    return output;
  }

 private:
  OutputObserver observer_;
};

/// A module without behaviour that only gives its children a level in their names, such as the `in_layers`
/// in "in_layers.2.weight" (torch.nn.Sequential or torch.nn.ModuleList in the reference).
class ContainerImpl : public Module {
 public:
  /// Registers `child` under `name` and returns it.
  template <typename Holder>
  Holder add(const std::string& name, Holder child) {
    register_module(name, child);
    return child;
  }
  /// Reports `output` as this container's own, for containers that stand for a torch.nn.Sequential.
  torch::Tensor report(torch::Tensor output) const { return observed(std::move(output)); }
};
TORCH_MODULE(Container);

/// torch.nn.Identity.
class IdentityImpl : public Module {
 public:
  torch::Tensor forward(const torch::Tensor& x) { return observed(x); }
};
TORCH_MODULE(Identity);

}  // namespace ldm
