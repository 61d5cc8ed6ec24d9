#include "ldm/modules/gradient_checkpoint.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <c10/core/Storage.h>
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>

#include "ldm/modules/init.h"
#include "ldm/modules/layers.h"
#include "ldm/ops/precision.h"
#include "tests/support/files.h"

namespace ldm {
namespace {

using WeakStorage = c10::weak_intrusive_ptr<c10::StorageImpl>;

/// A small ResBlock: norm, convolution, a projected context, dropout, and the input added.
class Block : public Module {
 public:
  Block() {
    Conv2dOptions options{8, 8, 3};
    options.padding = 1;
    norm_ = register_module("norm", GroupNorm(2, 8, 1e-5));
    conv_ = register_module("conv", Conv2d(options));
    linear_ = register_module("linear", Linear(6, 8));
  }

  /// x [B, 8, H, W], context [B, 6] -> [B, 8, H, W].
  at::Tensor compute(const at::Tensor& x, const at::Tensor& context) {
    ++calls;
    if (calls == throws_at) throw std::runtime_error("no more");
    caching.push_back(at::autocast::is_autocast_cache_enabled());
    casting.push_back(at::autocast::is_autocast_enabled(at::kCPU));
    const at::Tensor h = norm_->forward_silu(x);
    inner.push_back(h.storage().getWeakStorageImpl());
    const at::Tensor shift = linear_(context).unsqueeze(-1).unsqueeze(-1);
    return at::dropout(conv_(h) + shift, dropout, /*train=*/true) + x;
  }

  at::Tensor checkpointed(const at::Tensor& x, const at::Tensor& context) {
    return gradient_checkpoint([this](const std::vector<at::Tensor>& in) { return compute(in[0], in[1]); },
                               {x, context}, *this, dropout > 0);
  }

  double dropout = 0;
  int calls = 0, throws_at = -1;
  std::vector<bool> caching, casting;  ///< autocast's weight cache, and autocast, at each call
  std::vector<WeakStorage> inner;      ///< of each call, values that the backward pass needs

 private:
  GroupNorm norm_{nullptr};
  Conv2d conv_{nullptr};
  Linear linear_{nullptr};
};

std::shared_ptr<Block> make_block() {
  auto block = std::make_shared<Block>();
  init_weights(*block, at::detail::createCPUGenerator(1));
  for (at::Tensor& parameter : block->parameters()) parameter.set_requires_grad(true);
  return block;
}

/// Channels last and with 81920 values in a group, where the group norm's path without gradients is another.
at::Tensor image() {
  return at::randn({1, 8, 128, 160}, at::detail::createCPUGenerator(2))
      .contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor context() {
  return at::randn({1, 6}, at::detail::createCPUGenerator(3));
}

struct Result {
  at::Tensor output;
  std::vector<at::Tensor> gradients;  ///< of x, context and the parameters; undefined where there is none
};

/// Output, and gradients of the sum of its squares. Draws come from a seed of their own.
Result run(Block& block, bool checkpointed, const at::Tensor& x, const at::Tensor& c) {
  at::manual_seed(4);
  const at::Tensor output = checkpointed ? block.checkpointed(x, c) : block.compute(x, c);
  output.to(at::kFloat).square().sum().backward();
  std::vector<at::Tensor> leaves = block.parameters();
  leaves.insert(leaves.begin(), {x, c});
  Result result{output.detach(), {}};
  for (at::Tensor& leaf : leaves) {
    result.gradients.push_back(leaf.grad());
    leaf.mutable_grad().reset();
  }
  return result;
}

Result run(Block& block, bool checkpointed) {
  return run(block, checkpointed, image().set_requires_grad(true), context().set_requires_grad(true));
}

void expect_same_bits(const Result& actual, const Result& expected) {
  EXPECT_TRUE(at::equal(actual.output, expected.output));
  ASSERT_EQ(actual.gradients.size(), expected.gradients.size());
  for (std::size_t i = 0; i < expected.gradients.size(); ++i) {
    ASSERT_EQ(actual.gradients[i].defined(), expected.gradients[i].defined()) << i;
    if (!expected.gradients[i].defined()) continue;
    EXPECT_TRUE(at::equal(actual.gradients[i], expected.gradients[i])) << "gradient " << i;
  }
}

TEST(GradientCheckpoint, ChangesNoBitOfValuesAndGradients) {
  const auto block = make_block();
  const Result expected = run(*block, /*checkpointed=*/false);
  block->calls = 0;
  const Result actual = run(*block, /*checkpointed=*/true);
  EXPECT_EQ(block->calls, 2);
  expect_same_bits(actual, expected);
  for (const at::Tensor& gradient : actual.gradients) EXPECT_GT(gradient.abs().max().item<float>(), 0);
}

TEST(GradientCheckpoint, KeepsNothingFromInside) {
  const auto block = make_block();
  const at::Tensor x = image().set_requires_grad(true);
  const at::Tensor kept = block->compute(x, context()), dropped = block->checkpointed(x, context());
  ASSERT_EQ(block->inner.size(), 2u);
  EXPECT_FALSE(block->inner[0].expired());
  EXPECT_TRUE(block->inner[1].expired());
}

TEST(GradientCheckpoint, DropsTheSameValuesWhenItComputesAgain) {
  const auto block = make_block();
  block->dropout = 0.5;
  const Result expected = run(*block, /*checkpointed=*/false);
  const at::Tensor next = at::rand({8});
  const Result actual = run(*block, /*checkpointed=*/true);
  expect_same_bits(actual, expected);
  EXPECT_TRUE(at::equal(at::rand({8}), next)) << "the generator goes on as if nothing was computed again";
}

TEST(GradientCheckpoint, FrozenPartsGetNoGradient) {
  const auto block = make_block();
  const Result inputs_frozen = run(*block, /*checkpointed=*/true, image(), context());
  EXPECT_FALSE(inputs_frozen.gradients[0].defined());
  EXPECT_FALSE(inputs_frozen.gradients[1].defined());
  expect_same_bits(inputs_frozen, run(*block, /*checkpointed=*/false, image(), context()));

  for (at::Tensor& parameter : block->parameters()) parameter.set_requires_grad(false);
  const at::Tensor x = image(), c = context().set_requires_grad(true);
  const Result weights_frozen = run(*block, /*checkpointed=*/true, x, c);
  EXPECT_TRUE(weights_frozen.gradients[1].defined());
  EXPECT_FALSE(weights_frozen.gradients[2].defined());
  expect_same_bits(weights_frozen, run(*block, /*checkpointed=*/false, x, c));

  block->calls = 0;
  EXPECT_FALSE(block->checkpointed(x, context()).requires_grad());
  EXPECT_EQ(block->calls, 1);
}

TEST(GradientCheckpoint, ErrorsPassThroughAndLeaveNothingChanged) {
  const auto block = make_block();
  block->dropout = 0.5;
  const AutocastScope autocast(at::kCPU, at::kBFloat16);
  for (const int call : {1, 2}) {  // the first pass, and the one while going back
    block->calls = 0;
    block->throws_at = call;
    EXPECT_EQ(testing::error_of<std::exception>([&] { run(*block, /*checkpointed=*/true); }), "no more");
    EXPECT_EQ(block->calls, call);
    EXPECT_TRUE(at::GradMode::is_enabled());
    EXPECT_TRUE(at::autocast::is_autocast_cache_enabled());
  }
  const at::Tensor next = at::rand({8});
  at::manual_seed(4);
  block->throws_at = -1;
  block->compute(image(), context());
  EXPECT_TRUE(at::equal(at::rand({8}), next)) << "the generator goes on after the first pass";
}

TEST(GradientCheckpoint, ComputesAgainUnderTheSameAutocastWithItsWeightCacheOff) {
  const auto block = make_block();
  const at::Tensor x = image().set_requires_grad(true), c = context();
  at::Tensor output;
  {
    const AutocastScope autocast(at::kCPU, at::kBFloat16);
    output = block->checkpointed(x, c);
    EXPECT_TRUE(at::autocast::is_autocast_cache_enabled());
    EXPECT_TRUE(at::equal(output, block->compute(x, c)));
  }
  block->caching.pop_back();  // the plain call's
  block->casting.pop_back();
  output.sum().backward();
  EXPECT_EQ(block->casting, (std::vector<bool>{true, true}));
  EXPECT_EQ(block->caching, (std::vector<bool>{false, false}));
  EXPECT_FALSE(at::autocast::is_autocast_enabled(at::kCPU));
  EXPECT_TRUE(at::autocast::is_autocast_cache_enabled());
  for (const at::Tensor& parameter : block->parameters()) {
    ASSERT_TRUE(parameter.grad().defined());
    EXPECT_EQ(parameter.grad().scalar_type(), at::kFloat);
  }
}

}  // namespace
}  // namespace ldm
