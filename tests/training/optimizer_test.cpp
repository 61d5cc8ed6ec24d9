#include "ldm/training/optimizer.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <cmath>

#include "ldm/checkpoint/open_checkpoint.h"
#include "ldm/training/error.h"
#include "ldm/training/grad_scaler.h"
#include "tests/support/files.h"
#include "tests/support/paths.h"

namespace ldm::training {
namespace {

using ::testing::HasSubstr;

at::Tensor leaf(const at::Tensor& values) {
  return values.clone().set_requires_grad(true);
}

/// AdamW's update of one number, as its paper has it.
struct Scalar {
  double value, m = 0, v = 0;
  void step(double gradient, double lr, const OptimizerOptions& o, int t) {
    if (o.decoupled) value -= lr * o.weight_decay * value;
    if (!o.decoupled) gradient += o.weight_decay * value;
    m = o.beta1 * m + (1 - o.beta1) * gradient;
    v = o.beta2 * v + (1 - o.beta2) * gradient * gradient;
    value -= lr * (m / (1 - std::pow(o.beta1, t))) / (std::sqrt(v / (1 - std::pow(o.beta2, t))) + o.eps);
  }
};

class BothForms : public ::testing::TestWithParam<bool> {};

TEST_P(BothForms, FollowThePaper) {
  OptimizerOptions options;
  options.beta1 = 0.8;
  options.beta2 = 0.95;
  options.weight_decay = 0.1;
  options.decoupled = GetParam();
  at::Tensor parameter = leaf(at::tensor({0.5f, -2.0f}));
  Optimizer optimizer({{"p", parameter}}, options);
  Scalar expected[2] = {{0.5}, {-2.0}};
  for (int t = 1; t <= 5; ++t) {
    const double gradients[2] = {0.3 * t, -1.0 / t};
    parameter.mutable_grad() = at::tensor({gradients[0], gradients[1]}, at::kFloat);
    optimizer.step(0.01 * t);
    for (int i = 0; i < 2; ++i) expected[i].step(gradients[i], 0.01 * t, options, t);
  }
  for (int i = 0; i < 2; ++i) EXPECT_NEAR(parameter[i].item<double>(), expected[i].value, 2e-6) << i;
}

INSTANTIATE_TEST_SUITE_P(Adam, BothForms, ::testing::Bool());

TEST(Optimizer, LeavesParametersWithoutAGradientAlone) {
  at::Tensor used = leaf(at::ones({2})), unused = leaf(at::ones({2}));
  Optimizer optimizer({{"unused", unused}, {"used", used}}, {});
  used.mutable_grad() = at::ones({2});
  EXPECT_EQ(optimizer.gradients().size(), 1u);
  optimizer.step(0.1);
  EXPECT_TRUE(at::equal(unused.detach(), at::ones({2})));
  EXPECT_FALSE(at::equal(used.detach(), at::ones({2})));
  optimizer.zero_grad();
  EXPECT_FALSE(used.grad().defined());
}

/// Writes an optimiser's state as a checkpoint has it.
std::string written(const Optimizer& optimizer) {
  const std::string path = ldm::testing::new_folder() + "/state.ckpt";
  auto top = checkpoint::CkptValue::dict();
  top.add("optimizer_states", checkpoint::CkptValue::list({optimizer.state_dict(0.1, 0.2)}));
  checkpoint::write_ckpt(path, top);
  return path;
}

TEST(Optimizer, GoesOnFromItsState) {
  at::Tensor a = leaf(at::ones({3})), b = leaf(at::ones({3}));
  Optimizer first({{"p", a}}, {});
  a.mutable_grad() = at::tensor({1.0f, -2.0f, 0.5f});
  first.step(0.1);
  Optimizer second({{"p", b}}, {});
  second.load(checkpoint::open_training_state(written(first)), "optimizer_states.0");
  {
    const at::NoGradGuard no_grad;
    b.copy_(a);
  }
  for (at::Tensor* parameter : {&a, &b}) parameter->mutable_grad() = at::tensor({0.1f, 0.2f, 0.3f});
  first.step(0.1);
  second.step(0.1);
  EXPECT_TRUE(at::equal(a, b));
}

TEST(Optimizer, RefusesAnotherModelsState) {
  at::Tensor two = leaf(at::ones({2})), three = leaf(at::ones({3}));
  const auto state = checkpoint::open_training_state(written(Optimizer({{"p", two}}, {})));
  const auto error = [&](std::vector<TrainedParameter> parameters) {
    Optimizer optimizer(std::move(parameters), {});
    return ldm::testing::error_of<UnfitError>([&] { optimizer.load(state, "optimizer_states.0"); });
  };
  EXPECT_THAT(error({{"p", three}}), HasSubstr("expected shape [3], got [2]"));
  EXPECT_THAT(error({{"p", two}, {"q", two}}), HasSubstr("'optimizer_states.0.state.1.step'"));
  EXPECT_THAT(error({}), HasSubstr("for 0 parameters, got more"));
}

TEST(Optimizer, RefusesOptionsOutOfRange) {
  OptimizerOptions options;
  options.beta1 = 1;
  EXPECT_THROW(Optimizer({}, options), std::invalid_argument);
  options = {};
  options.weight_decay = -1;
  EXPECT_THROW(Optimizer({}, options), std::invalid_argument);
}

TEST(GradScaler, ScalesSkipsAndBacksOff) {
  GradScaler scaler(c10::kCPU);
  EXPECT_EQ(scaler.scale(at::ones({})).item<double>(), 65536);
  std::vector<at::Tensor> gradients{at::full({2}, 65536.0f)};
  EXPECT_TRUE(scaler.unscale(gradients));
  EXPECT_TRUE(at::equal(gradients[0], at::ones({2})));
  scaler.update();
  EXPECT_EQ(scaler.scale_value(), 65536);
  gradients[0][1] = INFINITY;
  EXPECT_FALSE(scaler.unscale(gradients));
  scaler.update();
  EXPECT_EQ(scaler.scale_value(), 32768);
  for (int i = 0; i < 2000; ++i) {
    EXPECT_TRUE(scaler.unscale({at::ones({1})}));
    scaler.update();
  }
  EXPECT_EQ(scaler.scale_value(), 65536);
}

}  // namespace
}  // namespace ldm::training
