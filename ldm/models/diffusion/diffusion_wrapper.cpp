#include "ldm/models/diffusion/diffusion_wrapper.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <stdexcept>

namespace ldm {
namespace {

torch::Tensor concat_input(const torch::Tensor& x, const Conditioning& cond) {
  TORCH_CHECK(!cond.c_concat.empty(),
              "DiffusionWrapper: expected c_concat for this conditioning_key, got none");
  std::vector<torch::Tensor> parts{x};
  parts.insert(parts.end(), cond.c_concat.begin(), cond.c_concat.end());
  return at::cat(parts, 1);
}

torch::Tensor joined_context(const Conditioning& cond) {
  TORCH_CHECK(!cond.c_crossattn.empty(),
              "DiffusionWrapper: expected c_crossattn for this conditioning_key, got none");
  return cond.c_crossattn.size() == 1 ? cond.c_crossattn.front() : at::cat(cond.c_crossattn, 1);
}

/// Rows [begin, begin + count) of every tensor.
Conditioning rows_of(const Conditioning& cond, std::int64_t begin, std::int64_t count) {
  Conditioning part;
  for (const torch::Tensor& map : cond.c_concat) part.c_concat.push_back(map.narrow(0, begin, count));
  for (const torch::Tensor& c : cond.c_crossattn) part.c_crossattn.push_back(c.narrow(0, begin, count));
  return part;
}

}  // namespace

ConditioningKey parse_conditioning_key(const std::string& text) {
  if (text == "concat") return ConditioningKey::concat;
  if (text == "crossattn") return ConditioningKey::crossattn;
  if (text == "hybrid") return ConditioningKey::hybrid;
  if (text == "adm") return ConditioningKey::adm;
  throw std::invalid_argument("expected conditioning_key concat, crossattn, hybrid, adm or null, got '" +
                              text + "'");
}

DiffusionWrapperImpl::DiffusionWrapperImpl(std::shared_ptr<DiffusionNetwork> diffusion_model,
                                           ConditioningKey key)
    : diffusion_model_(register_module("diffusion_model", std::move(diffusion_model))), key_(key) {}

torch::Tensor DiffusionWrapperImpl::forward(const torch::Tensor& x, const torch::Tensor& t,
                                            const Conditioning& cond) {
  if (prepare_) std::exchange(prepare_, nullptr)();
  const std::int64_t rows = x.size(0);
  if (rows_per_call_ == 0 || rows <= rows_per_call_) return observed(forward_whole(x, t, cond));
  std::vector<torch::Tensor> parts;
  for (std::int64_t begin = 0; begin < rows; begin += rows_per_call_) {
    const std::int64_t count = std::min(rows_per_call_, rows - begin);
    parts.push_back(
        forward_whole(x.narrow(0, begin, count), t.narrow(0, begin, count), rows_of(cond, begin, count)));
  }
  return observed(at::cat(parts));
}

torch::Tensor DiffusionWrapperImpl::forward_whole(const torch::Tensor& x, const torch::Tensor& t,
                                                  const Conditioning& cond) {
  switch (key_) {
    case ConditioningKey::none:
      return diffusion_model_->forward(x, t, std::nullopt, std::nullopt);
    case ConditioningKey::concat:
      return diffusion_model_->forward(concat_input(x, cond), t, std::nullopt, std::nullopt);
    case ConditioningKey::crossattn:
      return diffusion_model_->forward(x, t, joined_context(cond), std::nullopt);
    case ConditioningKey::hybrid:
      return diffusion_model_->forward(concat_input(x, cond), t, joined_context(cond), std::nullopt);
    case ConditioningKey::adm:
      return diffusion_model_->forward(x, t, std::nullopt, joined_context(cond));
  }
  throw std::logic_error("unreachable conditioning key");
}

}  // namespace ldm
