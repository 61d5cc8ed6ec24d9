#include "ldm/ops/onednn.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <ATen/Version.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <cstring>
#include <optional>
#include <vector>

namespace ldm::ops {
namespace {

constexpr std::int64_t kProbeSide = 256;  ///< of a weight, more than oneDNN's blocks

/// torch's own wrappers of oneDNN; they are reachable through the dispatcher alone.
template <typename Signature>
c10::TypedOperatorHandle<Signature> find_operator(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

at::Tensor reorder_convolution_weight(const at::Tensor& weight, at::IntArrayRef padding,
                                      at::IntArrayRef stride, at::IntArrayRef input_size) {
  using Signature = at::Tensor(const at::Tensor&, at::IntArrayRef, at::IntArrayRef, at::IntArrayRef,
                               std::int64_t, at::OptionalIntArrayRef);
  static const auto reorder = find_operator<Signature>("mkldnn::_reorder_convolution_weight");
  return reorder.call(weight, padding, stride, /*dilation=*/{1, 1}, /*groups=*/1, input_size);
}

at::Tensor convolution(const at::Tensor& x, const at::Tensor& packed, const std::optional<at::Tensor>& bias,
                       at::IntArrayRef padding, at::IntArrayRef stride) {
  using Signature =
      at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&, at::IntArrayRef,
                 at::IntArrayRef, at::IntArrayRef, std::int64_t, c10::string_view,
                 c10::List<std::optional<at::Scalar>>, std::optional<c10::string_view>);
  static const auto convolve = find_operator<Signature>("mkldnn::_convolution_pointwise");
  return convolve.call(x, packed, bias, padding, stride, /*dilation=*/{1, 1}, /*groups=*/1, "none",
                       c10::List<std::optional<at::Scalar>>(), std::nullopt);
}

at::Tensor reorder_linear_weight(const at::Tensor& weight) {
  using Signature = at::Tensor(const at::Tensor&, std::optional<std::int64_t>);
  static const auto reorder = find_operator<Signature>("mkldnn::_reorder_linear_weight");
  return reorder.call(weight, std::nullopt);
}

/// The address of a oneDNN tensor's values.
std::int64_t data_of(const at::Tensor& tensor) {
  static const auto data_ptr = find_operator<std::int64_t(const at::Tensor&)>("mkldnn::data_ptr");
  return data_ptr.call(tensor);
}

std::optional<at::Tensor> optional(const at::Tensor& tensor) {
  return tensor.defined() ? std::optional(tensor) : std::nullopt;
}

}  // namespace

bool onednn_takes(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  // Unlike the small products of ops/cpu these need no instructions of their own for bfloat16.
  static const bool multiplies_bf16 = at::get_cpu_capability() == "AVX512";
  const at::ScalarType type = x.scalar_type();
  const auto fits = [type](const at::Tensor& tensor) {
    return tensor.scalar_type() == type && tensor.is_cpu() && tensor.layout() == at::kStrided &&
           tensor.numel() > 0 && !(at::GradMode::is_enabled() && tensor.requires_grad());
  };
  return (type == at::kFloat || (multiplies_bf16 && type == at::kBFloat16)) && fits(x) && fits(weight) &&
         (!bias.defined() || fits(bias)) && !at::autocast::is_autocast_enabled(at::kCPU) &&
         at::globalContext().userEnabledMkldnn() && at::hasMKLDNN();
}

at::Tensor onednn_conv2d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                         std::int64_t stride, std::int64_t padding) {
  const std::vector<std::int64_t> paddings{padding, padding}, strides{stride, stride};
  // Kept for one call only; at::conv2d would copy the weight to channels_last, which takes longer.
  const at::Tensor packed = reorder_convolution_weight(weight, paddings, strides, x.sizes());
  return convolution(x, packed, optional(bias), paddings, strides);
}

bool onednn_reorders_linear() {
  static const bool reorders = [] {
    const at::NoGradGuard no_grad;
    const at::Tensor weight = at::arange(kProbeSide * kProbeSide, at::kFloat).view({kProbeSide, kProbeSide});
    const at::Tensor packed = reorder_linear_weight(weight);
    const auto* values = reinterpret_cast<const void*>(data_of(packed));
    return std::memcmp(values, weight.const_data_ptr(), weight.nbytes()) != 0;
  }();
  return reorders;
}

at::Tensor onednn_pack_linear(const at::Tensor& weight) {
  if (!onednn_takes(weight, weight) || !onednn_reorders_linear()) return {};
  return reorder_linear_weight(weight.detach().contiguous());
}

at::Tensor onednn_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  using Signature =
      at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&, c10::string_view,
                 c10::List<std::optional<at::Scalar>>, std::optional<c10::string_view>);
  static const auto multiply = find_operator<Signature>("mkldnn::_linear_pointwise");
  TORCH_CHECK(x.is_cpu() && x.scalar_type() == weight.scalar_type() && x.size(-1) == weight.size(1),
              "linear: expected ", weight.scalar_type(), " [..., ", weight.size(1),
              "] on the CPU for a weight in oneDNN's hands, got ", x.scalar_type(), " ", x.sizes(), " on ",
              x.device());
  TORCH_CHECK(!at::GradMode::is_enabled() || !x.requires_grad(),
              "linear: expected no gradients through oneDNN's product for sampling");
  return multiply.call(x.contiguous(), weight, optional(bias), "none", c10::List<std::optional<at::Scalar>>(),
                       std::nullopt);
}

at::Tensor onednn_pixelwise(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  const at::Tensor pixels = x.contiguous(at::MemoryFormat::ChannelsLast).permute({0, 2, 3, 1});
  return onednn_linear(pixels, weight, bias).permute({0, 3, 1, 2});
}

}  // namespace ldm::ops
