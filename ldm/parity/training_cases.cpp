#include <ATen/ATen.h>

#include "ldm/lr_scheduler.h"
#include "ldm/modules/ema.h"
#include "ldm/modules/state.h"
#include "ldm/parity/runner.h"

namespace ldm::parity {
namespace {

/// The two linear layers that the golden averages: parameters "0.weight", "0.bias", "1.weight", "1.bias".
std::shared_ptr<ContainerImpl> two_linear_layers() {
  auto model = std::make_shared<ContainerImpl>();
  model->add("0", Linear(5, 4));
  model->add("1", Linear(4, 3));
  return model;
}

void bind_all(torch::nn::Module& module, const std::function<at::Tensor(const std::string&)>& tensor) {
  for (const StateEntry& entry : state_of(module)) entry.bind(tensor(entry.name));
}

void run_ema(CaseContext& context, const std::string& start) {
  auto model = two_linear_layers();
  LitEma ema(*model);
  bind_all(*ema, [&](const std::string& name) { return context.input(start + ".ema0." + name).clone(); });
  for (int update = 0; context.file.has_tensor(start + ".u" + std::to_string(update) + ".ema.decay");
       ++update) {
    const std::string prefix = start + ".u" + std::to_string(update);
    bind_all(*model, [&](const std::string& name) { return context.input(prefix + ".param." + name); });
    ema->forward(*model);
    for (const StateEntry& entry : state_of(*ema)) {
      context.comparison.compare(prefix + ".ema." + entry.name, entry.tensor);
    }
  }
}

void run_lr(CaseContext& context, const std::string& name, const LrScheduler& scheduler) {
  const at::Tensor steps = context.input("lr." + name + ".n");
  std::vector<double> factors;
  for (std::int64_t i = 0; i < steps.numel(); ++i)
    factors.push_back(scheduler(steps[i].item<std::int64_t>()));
  context.comparison.compare("lr." + name + ".f", at::tensor(factors, at::kDouble));
}

}  // namespace

void run_ema_lr(CaseContext& context) {
  run_ema(context, "s0");
  run_ema(context, "s100000");
  LambdaWarmUpCosineScheduler2::Options v1;
  v1.warm_up_steps = {10000};
  v1.cycle_lengths = {10000000000000};
  v1.f_start = {1e-6};
  v1.f_max = {1.0};
  v1.f_min = {1.0};
  run_lr(context, "linear", LambdaLinearScheduler(v1));
  LambdaWarmUpCosineScheduler2::Options cycles;
  cycles.warm_up_steps = {10, 5};
  cycles.cycle_lengths = {100, 50};
  cycles.f_start = {0.1, 0.2};
  cycles.f_max = {1.0, 0.5};
  cycles.f_min = {0.05, 0.1};
  run_lr(context, "cycles", LambdaLinearScheduler(cycles));
  LambdaWarmUpCosineScheduler::Options cosine;
  cosine.warm_up_steps = 1000;
  cosine.lr_min = 1e-4;
  cosine.lr_max = 0.1;
  cosine.lr_start = 1e-4;
  cosine.max_decay_steps = 100000;
  run_lr(context, "cosine", LambdaWarmUpCosineScheduler(cosine));
}

void run_loss(CaseContext& context) {
  const auto model = context.model();
  const auto network = model->model()->named_children()["diffusion_model"];
  for (const StateEntry& entry : parameters_of(*network)) entry.tensor.set_requires_grad(true);
  const TrainingLoss result =
      model->p_losses(context.input("x_start"), model->as_conditioning(context.input("context")),
                      context.input("t"), context.input("noise"));
  result.loss.backward();
  context.comparison.compare("loss", result.loss);
  for (const auto& [name, value] : result.log) context.comparison.compare(name, value);
  for (const StateEntry& entry : parameters_of(*network)) {
    const std::string name = "grad." + entry.name;
    if (context.file.has_tensor(name)) context.comparison.compare(name, entry.tensor.grad());
    entry.tensor.mutable_grad().reset();
    entry.tensor.set_requires_grad(false);
  }
}

}  // namespace ldm::parity
