#include "ldm/training/optimizer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <sstream>
#include <stdexcept>
#include <utility>

#include "ldm/training/error.h"

namespace ldm::training {
namespace {

using checkpoint::CkptValue;
using checkpoint::Scalar;

void check(const OptimizerOptions& options) {
  const auto refuse = [](const std::string& what, double value) {
    throw std::invalid_argument("optimizer: expected " + what + ", got " + std::to_string(value));
  };
  for (const double beta : {options.beta1, options.beta2}) {
    if (!(beta >= 0 && beta < 1)) refuse("betas in [0, 1)", beta);
  }
  if (!(options.eps >= 0)) refuse("eps from 0", options.eps);
  if (!(options.weight_decay >= 0)) refuse("weight_decay from 0", options.weight_decay);
}

std::vector<at::Tensor> picked(const std::vector<at::Tensor>& tensors,
                               const std::vector<std::size_t>& places) {
  std::vector<at::Tensor> result;
  result.reserve(places.size());
  for (const std::size_t place : places) result.push_back(tensors[place]);
  return result;
}

checkpoint::NamedTensorSource source_of(const std::string& name, const at::Tensor& tensor) {
  return {name, tensor.scalar_type(), tensor.sizes().vec(), [tensor] { return tensor; }};
}

}  // namespace

Optimizer::Optimizer(std::vector<TrainedParameter> parameters, const OptimizerOptions& options)
    : parameters_(std::move(parameters)), options_(options) {
  check(options);
  allocate();
}

void Optimizer::allocate() {
  for (const TrainedParameter& parameter : parameters_) {
    exp_avgs_.push_back(at::zeros_like(parameter.tensor));
    exp_avg_sqs_.push_back(at::zeros_like(parameter.tensor));
    steps_.push_back(at::zeros({}, parameter.tensor.options().dtype(at::kFloat)));
  }
}

std::vector<std::size_t> Optimizer::active() const {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (parameters_[i].tensor.grad().defined()) places.push_back(i);
  }
  return places;
}

std::vector<at::Tensor> Optimizer::gradients() const {
  std::vector<at::Tensor> gradients;
  for (const std::size_t i : active()) gradients.push_back(parameters_[i].tensor.grad());
  return gradients;
}

void Optimizer::zero_grad() {
  for (TrainedParameter& parameter : parameters_) parameter.tensor.mutable_grad().reset();
}

void Optimizer::step(double learning_rate) {
  const at::NoGradGuard no_grad;
  const std::vector<std::size_t> places = active();
  if (places.empty()) return;
  std::vector<at::Tensor> tensors;
  for (const std::size_t i : places) tensors.push_back(parameters_[i].tensor);
  const std::vector<at::Tensor> gradients = this->gradients(), averages = picked(exp_avgs_, places),
                                squares = picked(exp_avg_sqs_, places), steps = picked(steps_, places);
  at::_foreach_add_(steps, 1);
  if (options_.decoupled) {
    at::_fused_adamw_(tensors, gradients, averages, squares, /*max_exp_avg_sqs=*/{}, steps, learning_rate,
                      options_.beta1, options_.beta2, options_.weight_decay, options_.eps, /*amsgrad=*/false,
                      /*maximize=*/false);
  } else {
    at::_fused_adam_(tensors, gradients, averages, squares, /*max_exp_avg_sqs=*/{}, steps, learning_rate,
                     options_.beta1, options_.beta2, options_.weight_decay, options_.eps, /*amsgrad=*/false,
                     /*maximize=*/false);
  }
}

CkptValue Optimizer::state_dict(double learning_rate, double base_learning_rate) const {
  CkptValue state = CkptValue::dict();
  std::vector<CkptValue> numbers;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto number = static_cast<std::int64_t>(i);
    const std::string& name = parameters_[i].name;
    numbers.emplace_back(Scalar(number));
    CkptValue moments = CkptValue::dict();
    moments.add("step", source_of(name, steps_[i]));
    moments.add("exp_avg", source_of(name, exp_avgs_[i]));
    moments.add("exp_avg_sq", source_of(name, exp_avg_sqs_[i]));
    state.add(number, std::move(moments));
  }
  CkptValue group = CkptValue::dict();
  group.add("lr", Scalar(learning_rate)).add("initial_lr", Scalar(base_learning_rate));
  group.add("betas", CkptValue::tuple({Scalar(options_.beta1), Scalar(options_.beta2)}));
  group.add("eps", Scalar(options_.eps)).add("weight_decay", Scalar(options_.weight_decay));
  for (const char* off : {"amsgrad", "maximize", "capturable", "differentiable"}) {
    group.add(off, Scalar(false));
  }
  group.add("foreach", CkptValue()).add("fused", CkptValue());
  group.add("decoupled_weight_decay", Scalar(options_.decoupled));
  group.add("params", CkptValue::list(std::move(numbers)));
  CkptValue dict = CkptValue::dict();
  dict.add("state", std::move(state)).add("param_groups", CkptValue::list({std::move(group)}));
  return dict;
}

void Optimizer::load(const checkpoint::StateDict& training_state, const std::string& prefix) {
  const at::NoGradGuard no_grad;
  const auto take = [&](at::Tensor& into, const std::string& key) {
    if (!training_state.contains(key)) {
      throw UnfitError("'" + training_state.path() + "': expected the optimiser's state '" + key +
                       "' to resume from, found none; to start anew from these weights, finetune from them");
    }
    const at::Tensor found = training_state.tensor(key).tensor;
    if (found.sizes() != into.sizes()) {
      std::ostringstream text;
      text << "'" << training_state.path() << "', '" << key << "': expected shape " << into.sizes()
           << ", got " << found.sizes() << "; resume with the config that the run was started with";
      throw UnfitError(text.str());
    }
    into.copy_(found);
  };
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const std::string key = prefix + ".state." + std::to_string(i) + ".";
    take(steps_[i], key + "step");
    take(exp_avgs_[i], key + "exp_avg");
    take(exp_avg_sqs_[i], key + "exp_avg_sq");
  }
  const std::string beyond = prefix + ".state." + std::to_string(parameters_.size()) + ".exp_avg";
  if (training_state.contains(beyond)) {
    throw UnfitError("'" + training_state.path() + "': expected the optimiser's state for " +
                     std::to_string(parameters_.size()) +
                     " parameters, got more; resume with the config that the run was started with");
  }
}

}  // namespace ldm::training
