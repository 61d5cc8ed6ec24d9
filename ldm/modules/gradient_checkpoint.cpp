#include "ldm/modules/gradient_checkpoint.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/ivalue.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "ldm/ops/precision.h"

namespace ldm {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Generator generator_of(c10::Device device) {
  return at::globalContext().defaultGenerator(device);
}

at::Tensor state_of(at::Generator generator) {
  const std::lock_guard<std::mutex> lock(generator.mutex());
  return generator.get_state();
}

void set_state(at::Generator generator, const at::Tensor& state) {
  const std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_state(state);
}

/// While it lives, a device's default generator draws from `state`.
class GeneratorScope {
 public:
  GeneratorScope(c10::Device device, const at::Tensor& state)
      : generator_(generator_of(device)), active_(state.defined()) {
    if (!active_) return;
    before_ = state_of(generator_);
    set_state(generator_, state);
  }
  ~GeneratorScope() {
    if (active_) set_state(generator_, before_);
  }
  GeneratorScope(const GeneratorScope&) = delete;
  GeneratorScope& operator=(const GeneratorScope&) = delete;

 private:
  at::Generator generator_;
  bool active_;
  at::Tensor before_;
};

/// The same values, apart from the graph that they come from.
at::Tensor leaf(const at::Tensor& tensor) {
  return tensor.detach().set_requires_grad(tensor.requires_grad());
}

/// What the backward pass needs to do the work again. A CustomClassHolder, so that autograd's context can
/// hold it.
struct Work : torch::CustomClassHolder {
  std::function<at::Tensor(const std::vector<at::Tensor>&)> function;
  std::size_t inputs = 0;
  c10::Device device = c10::kCPU;
  c10::ScalarType autocast = c10::ScalarType::Undefined;
  at::Tensor generator_state;  // of the device; undefined where nothing is drawn

  /// Gives the result with a graph that begins at the leaves `tensors` and at the parameters. Copies of
  /// weights that autocast makes stay out of its cache: those of this graph must not outlive it.
  at::Tensor run(const std::vector<at::Tensor>& tensors) const {
    const at::AutoGradMode with_graph(true);
    const AutocastScope scope(device.type(), autocast, /*cache_weights=*/false);
    return function({tensors.begin(), tensors.begin() + static_cast<std::ptrdiff_t>(inputs)});
  }
};

struct Recomputation : torch::autograd::Function<Recomputation> {
  /// `tensors`: the inputs, then the parameters.
  static at::Tensor forward(AutogradContext* context, c10::intrusive_ptr<Work> work, at::TensorList tensors) {
    const std::vector<at::Tensor> list = tensors.vec();
    context->save_for_backward(list);
    context->saved_data["work"] = c10::IValue::make_capsule(work);
    std::vector<at::Tensor> leaves;
    for (std::size_t i = 0; i < work->inputs; ++i) leaves.push_back(leaf(list[i]));
    // With a graph, which dies here, though none is needed: without one the CPU's convolutions and norms take
    // other kernels, and this result would differ in rounding from the one that is differentiated.
    return work->run(leaves).detach();
  }

  static variable_list backward(AutogradContext* context, const variable_list& grad_outputs) {
    const auto work = c10::static_intrusive_pointer_cast<Work>(context->saved_data["work"].toCapsule());
    variable_list tensors = context->get_saved_variables();
    for (std::size_t i = 0; i < work->inputs; ++i) tensors[i] = leaf(tensors[i]);
    variable_list wanted;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      if (!tensors[i].requires_grad()) continue;
      wanted.push_back(tensors[i]);
      places.push_back(i);
    }
    const GeneratorScope generator(work->device, work->generator_state);
    const at::Tensor output = work->run(tensors);
    const variable_list grads = torch::autograd::grad({output}, wanted, {grad_outputs[0]}, std::nullopt,
                                                      /*create_graph=*/false, /*allow_unused=*/true);
    variable_list result(1 + tensors.size());  // the first stands for `work`
    for (std::size_t i = 0; i < places.size(); ++i) result[1 + places[i]] = grads[i];
    return result;
  }
};

c10::ScalarType autocast_of(c10::Device device) {
  return at::autocast::is_autocast_enabled(device.type()) ? at::autocast::get_autocast_dtype(device.type())
                                                          : c10::ScalarType::Undefined;
}

}  // namespace

at::Tensor gradient_checkpoint(std::function<at::Tensor(const std::vector<at::Tensor>& inputs)> function,
                               const std::vector<at::Tensor>& inputs, const torch::nn::Module& module,
                               bool draws) {
  if (!at::GradMode::is_enabled()) return function(inputs);
  std::vector<at::Tensor> tensors = inputs;
  for (const at::Tensor& parameter : module.parameters()) tensors.push_back(parameter);
  const bool differentiated = std::any_of(tensors.begin(), tensors.end(),
                                          [](const at::Tensor& tensor) { return tensor.requires_grad(); });
  if (!differentiated) return function(inputs);
  auto work = c10::make_intrusive<Work>();
  work->function = std::move(function);
  work->inputs = inputs.size();
  work->device = inputs.front().device();
  work->autocast = autocast_of(work->device);
  if (draws) work->generator_state = state_of(generator_of(work->device));
  return Recomputation::apply(work, at::TensorList(tensors));
}

}  // namespace ldm
