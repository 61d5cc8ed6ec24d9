#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "ldm/modules/module.h"

namespace ldm {

/// A layer that owns parameters.
///
/// Building one allocates nothing and draws no random number: parameters start on the meta device (float32)
/// and get their storage once, by `bind_parameter` (a checkpoint's tensor, not copied) or by `init`.
/// Whoever trains must switch `requires_grad` on; it is off after both.
class LeafLayer : public Module {
 public:
  /// Puts `tensor` in the place of the parameter `name`, sharing its storage. Throws std::invalid_argument
  /// for an unknown name and for another shape.
  void bind_parameter(const std::string& name, const torch::Tensor& tensor);

  /// Gives every parameter float32 storage on the CPU and PyTorch's default initial values for this layer,
  /// drawn from `generator`; layers built with `zero_init` are zero (the reference's zero_module).
  void init(at::Generator generator);

  /// For sampling on the CPU, once the parameters are bound: keeps the weight in the order of memory that the
  /// fastest product wants, in place of the parameter, which from then on has no values (it is on the meta
  /// device; binding gives it some again). Returns whether this layer does so; most have nothing to gain.
  virtual bool pack() { return false; }

 protected:
  explicit LeafLayer(bool zero_init) : zero_init_(zero_init) {}
  /// Registers a float32 parameter on the meta device.
  void declare(const std::string& name, at::IntArrayRef sizes);
  torch::Tensor parameter(const std::string& name) const;
  /// Packs the parameter `weight` as a matrix [out, in] and lets go of it. False if it cannot be packed.
  bool pack_weight();
  /// The packed weight; undefined while the parameter has values.
  const torch::Tensor& packed_weight() const { return packed_; }

  /// Re-reads the members that mirror parameters. Called after every binding.
  virtual void refresh() = 0;
  /// Fills freshly allocated parameters with PyTorch's default values.
  virtual void reset_parameters(at::Generator generator) = 0;

 private:
  bool zero_init_;
  torch::Tensor packed_;
};

/// torch.nn.Linear: y = x W^T + b. Weight [out, in], bias [out].
class LinearImpl : public LeafLayer {
 public:
  LinearImpl(std::int64_t in_features, std::int64_t out_features, bool with_bias = true);
  /// x [..., in] -> [..., out], in x's dtype.
  torch::Tensor forward(const torch::Tensor& x) const;
  bool pack() override { return pack_weight(); }

  torch::Tensor weight, bias;

 private:
  void refresh() override;
  void reset_parameters(at::Generator generator) override;
  bool has_bias_;
};
TORCH_MODULE(Linear);

struct Conv2dOptions {
  std::int64_t in_channels, out_channels, kernel_size;
  std::int64_t stride = 1, padding = 0;
  bool bias = true, zero_init = false;
};

/// torch.nn.Conv2d with a square kernel. Weight [out, in, k, k], bias [out].
class Conv2dImpl : public LeafLayer {
 public:
  explicit Conv2dImpl(const Conv2dOptions& options);
  /// x [B, in, H, W] -> [B, out, H', W'], in x's dtype; the memory format is the faster one.
  torch::Tensor forward(const torch::Tensor& x) const;
  /// Only for a kernel of one pixel, which is a linear map of the channels.
  bool pack() override;

  torch::Tensor weight, bias;

 private:
  void refresh() override;
  void reset_parameters(at::Generator generator) override;
  Conv2dOptions options_;
};
TORCH_MODULE(Conv2d);

/// torch.nn.Conv1d with a kernel of one: a linear map of the channels. Weight [out, in, 1], bias [out].
class PointwiseConv1dImpl : public LeafLayer {
 public:
  PointwiseConv1dImpl(std::int64_t in_channels, std::int64_t out_channels, bool zero_init = false);
  /// x [B, N, in] (channels last) -> [B, N, out].
  torch::Tensor forward(const torch::Tensor& x) const;

  torch::Tensor weight, bias;

 private:
  void refresh() override;
  void reset_parameters(at::Generator generator) override;
};
TORCH_MODULE(PointwiseConv1d);

/// torch.nn.GroupNorm with affine parameters. Weight and bias [channels].
class GroupNormImpl : public LeafLayer {
 public:
  /// Throws std::invalid_argument when `channels` is no multiple of `groups`.
  GroupNormImpl(std::int64_t groups, std::int64_t channels, double eps);
  /// x [B, channels, ...] -> the same shape and dtype; statistics in float32 at least.
  torch::Tensor forward(const torch::Tensor& x) const;
  /// silu(forward(x)) in one call.
  torch::Tensor forward_silu(const torch::Tensor& x) const;

  torch::Tensor weight, bias;

 private:
  void refresh() override;
  void reset_parameters(at::Generator generator) override;
  std::int64_t groups_;
  double eps_;
};
TORCH_MODULE(GroupNorm);

/// torch.nn.LayerNorm over the last dimension. Weight and bias [features].
class LayerNormImpl : public LeafLayer {
 public:
  explicit LayerNormImpl(std::int64_t features, double eps = 1e-5);
  /// x [..., features] -> the same shape.
  torch::Tensor forward(const torch::Tensor& x) const;

  torch::Tensor weight, bias;

 private:
  void refresh() override;
  void reset_parameters(at::Generator generator) override;
  double eps_;
};
TORCH_MODULE(LayerNorm);

/// torch.nn.Embedding: a row for each index. Weight [rows, features].
class EmbeddingImpl : public LeafLayer {
 public:
  EmbeddingImpl(std::int64_t rows, std::int64_t features);
  /// ids int64 [...] in [0, rows) -> [..., features].
  torch::Tensor forward(const torch::Tensor& ids) const;

  torch::Tensor weight;

 private:
  void refresh() override;
  void reset_parameters(at::Generator generator) override;
};
TORCH_MODULE(Embedding);

}  // namespace ldm
