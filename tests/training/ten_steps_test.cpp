// Ten optimiser steps against PyTorch: make_ten_steps.py beside this file made the values.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/nn/utils/clip_grad.h>

#include "ldm/checkpoint/open_checkpoint.h"
#include "ldm/parity/weight_rule.h"
#include "ldm/pipelines/load_model.h"
#include "ldm/training/diffusion_task.h"
#include "tests/support/paths.h"

namespace ldm::training {
namespace {

double relative_error(const at::Tensor& actual, const at::Tensor& expected) {
  return ((actual - expected).norm() / expected.norm()).item<double>();
}

/// The model of the file, its averages and its optimiser.
class TenSteps : public ::testing::Test {
 protected:
  TenSteps() : file_(checkpoint::open_checkpoint(ldm::testing::golden_path("train_steps.safetensors"))) {
    const auto config = config::Config::from_file(ldm::testing::golden_path("tiny-inference.yaml"));
    model_ = build_inference_model(config, default_registry());
    parity::apply_weight_rule(*model_, static_cast<std::int64_t>(number("salt")), /*use_ema=*/false);
    ema_ = LitEma(*model_->model(), number("ema_decay"));
    ema_->reset(*model_->model());
    DiffusionTask task(model_, TrainerOptions());
    for (const TrainedParameter& parameter : task.trained_parameters()) {
      parameters_.push_back({parameter.name, parameter.tensor.set_requires_grad(true)});
    }
    LambdaWarmUpCosineScheduler2::Options cycles;
    cycles.warm_up_steps = {static_cast<std::int64_t>(number("warm_up_steps"))};
    cycles.cycle_lengths = {static_cast<std::int64_t>(number("cycle_lengths"))};
    cycles.f_start = {number("f_start")};
    cycles.f_max = {number("f_max")};
    cycles.f_min = {number("f_min")};
    schedule_ = std::make_unique<LambdaLinearScheduler>(cycles);
    OptimizerOptions options;
    options.weight_decay = number("weight_decay");
    optimizer_ = std::make_unique<Optimizer>(parameters_, options);
  }

  double number(const std::string& key) const { return std::stod(file_.metadata().at(key)); }
  at::Tensor expected(const std::string& name) const { return file_.tensor(name).tensor; }

  /// One step; gives the loss, the norm of the gradients before clipping, and the learning rate.
  std::array<double, 3> step(std::int64_t index) {
    const auto input = [&](const char* name) { return expected(name + ("." + std::to_string(index))); };
    const at::Tensor loss = model_
                                ->p_losses(input("x_start"), model_->as_conditioning(input("context")),
                                           input("t"), input("noise"))
                                .loss;
    loss.backward();
    std::vector<at::Tensor> tensors;
    for (const auto& parameter : parameters_) tensors.push_back(parameter.tensor);
    const double norm = torch::nn::utils::clip_grad_norm_(tensors, number("clip"));
    const double rate = number("learning_rate") * (*schedule_)(index);
    optimizer_->step(rate);
    optimizer_->zero_grad();
    ema_->forward(*model_->model());
    return {loss.item<double>(), norm, rate};
  }

  checkpoint::StateDict file_;
  std::shared_ptr<LatentDiffusionImpl> model_;
  LitEma ema_{nullptr};
  std::vector<TrainedParameter> parameters_;
  std::unique_ptr<LambdaLinearScheduler> schedule_;
  std::unique_ptr<Optimizer> optimizer_;
};

TEST_F(TenSteps, ProducePyTorchValues) {
  const auto steps = static_cast<std::int64_t>(number("steps"));
  ASSERT_EQ(steps, 10);
  for (std::int64_t i = 0; i < steps; ++i) {
    const auto [loss, norm, rate] = step(i);
    const std::string number = "." + std::to_string(i);
    EXPECT_NEAR(loss / expected("loss" + number).item<double>(), 1, 1e-4) << i;
    EXPECT_NEAR(norm / expected("norm" + number).item<double>(), 1, 1e-3) << i;
    EXPECT_NEAR(rate / expected("lr" + number).item<double>(), 1, 1e-12) << i;
  }
  int compared = 0;
  for (const TrainedParameter& parameter : parameters_) {
    const std::string name = parameter.name.substr(std::string("model.").size());
    if (!file_.contains("param." + name)) continue;
    // A bias before a norm over its channel alone has no gradient but rounding, of which Adam makes whole
    // steps.
    if (expected("exp_avg_sq." + name).sqrt().max().item<double>() < 1e-9) continue;
    ++compared;
    EXPECT_LT(relative_error(parameter.tensor.detach(), expected("param." + name)), 1e-4) << name;
    EXPECT_LT(relative_error(ema_->average_of(name), expected("ema." + name)), 1e-4) << name;
  }
  EXPECT_GE(compared, 14);
}

}  // namespace
}  // namespace ldm::training
