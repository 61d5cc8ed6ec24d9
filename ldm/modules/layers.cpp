#include "ldm/modules/layers.h"

#include <ATen/ATen.h>

#include <cmath>
#include <sstream>
#include <stdexcept>

#include "ldm/ops/conv2d.h"
#include "ldm/ops/group_norm.h"
#include "ldm/ops/linear.h"
#include "ldm/ops/onednn.h"

namespace ldm {
namespace {

/// PyTorch's kaiming_uniform_(a=sqrt(5)) and its bias rule: both uniform in +-1/sqrt(fan_in).
void init_uniform_by_fan_in(torch::Tensor weight, torch::Tensor bias, at::Generator generator) {
  const double bound = 1.0 / std::sqrt(static_cast<double>(weight.numel() / weight.size(0)));
  weight.uniform_(-bound, bound, generator);
  if (bias.defined()) bias.uniform_(-bound, bound, generator);
}

}  // namespace

void LeafLayer::declare(const std::string& name, at::IntArrayRef sizes) {
  register_parameter(name, at::empty(sizes, at::TensorOptions().device(at::kMeta)), /*requires_grad=*/false);
}

torch::Tensor LeafLayer::parameter(const std::string& name) const {
  const torch::Tensor* found = parameters_.find(name);
  return found == nullptr ? torch::Tensor() : *found;
}

void LeafLayer::bind_parameter(const std::string& name, const torch::Tensor& tensor) {
  torch::Tensor* slot = parameters_.find(name);
  if (slot == nullptr) throw std::invalid_argument("expected a parameter of this layer, got '" + name + "'");
  if (slot->sizes() != tensor.sizes()) {
    std::ostringstream message;
    message << "expected shape " << slot->sizes() << " for '" << name << "', got " << tensor.sizes();
    throw std::invalid_argument(message.str());
  }
  if (name == "weight" && packed_.defined()) {
    if (tensor.is_meta()) {
      throw std::invalid_argument("expected values for 'weight', which was packed, got a tensor without any");
    }
    packed_.reset();
  }
  *slot = tensor;
  refresh();
}

bool LeafLayer::pack_weight() {
  torch::Tensor* weight = parameters_.find("weight");
  const torch::Tensor packed = ops::onednn_pack_linear(weight->flatten(1));
  if (!packed.defined()) return false;
  bind_parameter("weight", at::empty_like(*weight, at::kMeta));
  packed_ = packed;
  return true;
}

void LeafLayer::init(at::Generator generator) {
  const at::NoGradGuard no_grad;
  for (auto& item : parameters_) item.value() = at::empty(item.value().sizes(), at::kFloat);
  packed_.reset();
  refresh();
  reset_parameters(generator);
  if (!zero_init_) return;
  for (auto& item : parameters_) item.value().zero_();
}

LinearImpl::LinearImpl(std::int64_t in_features, std::int64_t out_features, bool with_bias)
    : LeafLayer(/*zero_init=*/false), has_bias_(with_bias) {
  declare("weight", {out_features, in_features});
  if (with_bias) declare("bias", {out_features});
  refresh();
}

torch::Tensor LinearImpl::forward(const torch::Tensor& x) const {
  if (packed_weight().defined()) return observed(ops::onednn_linear(x, packed_weight(), bias));
  return observed(ops::linear(x, weight, bias));
}

void LinearImpl::refresh() {
  weight = parameter("weight");
  if (has_bias_) bias = parameter("bias");
}

void LinearImpl::reset_parameters(at::Generator generator) {
  init_uniform_by_fan_in(weight, bias, generator);
}

Conv2dImpl::Conv2dImpl(const Conv2dOptions& options) : LeafLayer(options.zero_init), options_(options) {
  declare("weight", {options.out_channels, options.in_channels, options.kernel_size, options.kernel_size});
  if (options.bias) declare("bias", {options.out_channels});
  refresh();
}

bool Conv2dImpl::pack() {
  return options_.kernel_size == 1 && options_.stride == 1 && options_.padding == 0 && pack_weight();
}

torch::Tensor Conv2dImpl::forward(const torch::Tensor& x) const {
  if (packed_weight().defined()) return observed(ops::onednn_pixelwise(x, packed_weight(), bias));
  return observed(ops::conv2d(x, weight, bias, options_.stride, options_.padding));
}

void Conv2dImpl::refresh() {
  weight = parameter("weight");
  if (options_.bias) bias = parameter("bias");
}

void Conv2dImpl::reset_parameters(at::Generator generator) {
  init_uniform_by_fan_in(weight, bias, generator);
}

PointwiseConv1dImpl::PointwiseConv1dImpl(std::int64_t in_channels, std::int64_t out_channels, bool zero_init)
    : LeafLayer(zero_init) {
  declare("weight", {out_channels, in_channels, 1});
  declare("bias", {out_channels});
  refresh();
}

torch::Tensor PointwiseConv1dImpl::forward(const torch::Tensor& x) const {
  return observed(ops::linear(x, weight.squeeze(-1), bias));
}

void PointwiseConv1dImpl::refresh() {
  weight = parameter("weight");
  bias = parameter("bias");
}

void PointwiseConv1dImpl::reset_parameters(at::Generator generator) {
  init_uniform_by_fan_in(weight, bias, generator);
}

GroupNormImpl::GroupNormImpl(std::int64_t groups, std::int64_t channels, double eps)
    : LeafLayer(/*zero_init=*/false), groups_(groups), eps_(eps) {
  if (groups <= 0 || channels % groups != 0) {
    throw std::invalid_argument("expected channels to be a multiple of the group norm's groups, got " +
                                std::to_string(channels) + " channels and " + std::to_string(groups) +
                                " groups (num_groups)");
  }
  declare("weight", {channels});
  declare("bias", {channels});
  refresh();
}

torch::Tensor GroupNormImpl::forward(const torch::Tensor& x) const {
  return observed(ops::group_norm(x, groups_, weight, bias, eps_));
}

torch::Tensor GroupNormImpl::forward_silu(const torch::Tensor& x) const {
  // An observer wants the normalised values themselves, which the fused op never forms.
  if (is_observed()) return at::silu(forward(x));
  return ops::group_norm_silu(x, groups_, weight, bias, eps_);
}

void GroupNormImpl::refresh() {
  weight = parameter("weight");
  bias = parameter("bias");
}

void GroupNormImpl::reset_parameters(at::Generator) {
  weight.fill_(1);
  bias.zero_();
}

LayerNormImpl::LayerNormImpl(std::int64_t features, double eps) : LeafLayer(/*zero_init=*/false), eps_(eps) {
  declare("weight", {features});
  declare("bias", {features});
  refresh();
}

torch::Tensor LayerNormImpl::forward(const torch::Tensor& x) const {
  return observed(at::layer_norm(x, weight.sizes(), weight, bias, eps_));
}

void LayerNormImpl::refresh() {
  weight = parameter("weight");
  bias = parameter("bias");
}

void LayerNormImpl::reset_parameters(at::Generator) {
  weight.fill_(1);
  bias.zero_();
}

EmbeddingImpl::EmbeddingImpl(std::int64_t rows, std::int64_t features) : LeafLayer(/*zero_init=*/false) {
  declare("weight", {rows, features});
  refresh();
}

torch::Tensor EmbeddingImpl::forward(const torch::Tensor& ids) const {
  return observed(at::embedding(weight, ids));
}

void EmbeddingImpl::refresh() {
  weight = parameter("weight");
}

void EmbeddingImpl::reset_parameters(at::Generator generator) {
  weight.normal_(0, 1, generator);
}

}  // namespace ldm
