#include "ldm/models/diffusion/diffusion_wrapper.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace ldm {
namespace {

using ::testing::ElementsAre;

/// Adds up all that it is given, row by row, and notes how many rows came at once.
class SummingNetwork : public DiffusionNetwork {
 public:
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& timesteps,
                        const std::optional<torch::Tensor>& context,
                        const std::optional<torch::Tensor>&) override {
    rows.push_back(x.size(0));
    torch::Tensor sum = x.sum(1, /*keepdim=*/true) + timesteps.reshape({-1, 1, 1, 1});
    if (context) sum = sum + context->sum({1, 2}).reshape({-1, 1, 1, 1});
    return sum;
  }
  std::vector<std::int64_t> rows;
};

struct Wrapped {
  explicit Wrapped(ConditioningKey key)
      : network(std::make_shared<SummingNetwork>()), wrapper(network, key) {}
  torch::Tensor call(std::int64_t rows_per_call) {
    network->rows.clear();
    wrapper->set_rows_per_call(rows_per_call);
    return wrapper(x, t, cond);
  }

  std::shared_ptr<SummingNetwork> network;
  DiffusionWrapper wrapper;
  torch::Tensor x = at::arange(5 * 3 * 2 * 2, at::kFloat).reshape({5, 3, 2, 2});
  torch::Tensor t = at::arange(5) * 100;
  Conditioning cond{{at::arange(20, at::kFloat).reshape({5, 1, 2, 2})},
                    {at::arange(30, at::kFloat).reshape({5, 2, 3})}};
};

TEST(DiffusionWrapper, ALargeBatchIsCutIntoParts) {
  for (const ConditioningKey key :
       {ConditioningKey::none, ConditioningKey::crossattn, ConditioningKey::hybrid}) {
    Wrapped wrapped(key);
    const torch::Tensor whole = wrapped.call(0);
    EXPECT_THAT(wrapped.network->rows, ElementsAre(5));
    EXPECT_TRUE(at::equal(wrapped.call(2), whole));
    EXPECT_THAT(wrapped.network->rows, ElementsAre(2, 2, 1));
    EXPECT_TRUE(at::equal(wrapped.call(1), whole));
    EXPECT_THAT(wrapped.network->rows, ElementsAre(1, 1, 1, 1, 1));
  }
}

TEST(DiffusionWrapper, ABatchThatFitsStaysWhole) {
  Wrapped wrapped(ConditioningKey::crossattn);
  wrapped.call(5);
  EXPECT_THAT(wrapped.network->rows, ElementsAre(5));
}

TEST(DiffusionWrapper, IsPreparedOnceBeforeTheNextCall) {
  Wrapped wrapped(ConditioningKey::crossattn);
  std::vector<std::size_t> calls_before;
  wrapped.wrapper->prepare_with([&] { calls_before.push_back(wrapped.network->rows.size()); });
  EXPECT_THAT(calls_before, ElementsAre());
  wrapped.call(2);
  wrapped.call(2);
  EXPECT_THAT(calls_before, ElementsAre(0));
}

TEST(DiffusionWrapper, AnObserverSeesTheJoinedOutput) {
  Wrapped wrapped(ConditioningKey::crossattn);
  std::vector<std::int64_t> seen;
  wrapped.wrapper->set_output_observer([&](const torch::Tensor& output) { seen.push_back(output.size(0)); });
  wrapped.call(2);
  EXPECT_THAT(seen, ElementsAre(5));
}

}  // namespace
}  // namespace ldm
