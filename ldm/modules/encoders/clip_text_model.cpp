#include "ldm/modules/encoders/clip_text_model.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

#include "ldm/ops/attention.h"

namespace ldm {
namespace {

torch::Tensor quick_gelu(const torch::Tensor& x) {
  return x * at::sigmoid(1.702 * x);
}

}  // namespace

ClipTextEmbeddingsImpl::ClipTextEmbeddingsImpl(const ClipTextConfig& config) {
  // Computed here, but checkpoints of the reference's era carry it.
  register_buffer("position_ids", at::arange(config.max_position_embeddings, at::kLong).unsqueeze(0));
  token_embedding_ = register_module("token_embedding", Embedding(config.vocab_size, config.hidden_size));
  position_embedding_ =
      register_module("position_embedding", Embedding(config.max_position_embeddings, config.hidden_size));
}

torch::Tensor ClipTextEmbeddingsImpl::forward(const torch::Tensor& ids) {
  const torch::Tensor positions = buffer("position_ids").slice(1, 0, ids.size(1));
  return observed(token_embedding_(ids) + position_embedding_(positions));
}

void ClipTextEmbeddingsImpl::reset_parameters(at::Generator generator) {
  const at::NoGradGuard no_grad;
  constexpr double kDeviation = 0.02;
  token_embedding_->weight.normal_(0, kDeviation, generator);
  position_embedding_->weight.normal_(0, kDeviation, generator);
}

ClipEncoderLayerImpl::ClipEncoderLayerImpl(const ClipTextConfig& config)
    : heads_(config.num_attention_heads) {
  const std::int64_t width = config.hidden_size;
  Container self_attn = register_module("self_attn", Container());
  k_proj_ = self_attn->add("k_proj", Linear(width, width));
  v_proj_ = self_attn->add("v_proj", Linear(width, width));
  q_proj_ = self_attn->add("q_proj", Linear(width, width));
  out_proj_ = self_attn->add("out_proj", Linear(width, width));
  layer_norm1_ = register_module("layer_norm1", LayerNorm(width));
  Container mlp = register_module("mlp", Container());
  fc1_ = mlp->add("fc1", Linear(width, config.intermediate_size));
  fc2_ = mlp->add("fc2", Linear(config.intermediate_size, width));
  layer_norm2_ = register_module("layer_norm2", LayerNorm(width));
}

torch::Tensor ClipEncoderLayerImpl::forward(torch::Tensor x) {
  const torch::Tensor h = layer_norm1_(x);
  x = x + out_proj_(ops::attention(q_proj_(h), k_proj_(h), v_proj_(h), heads_, /*causal=*/true));
  return observed(x + fc2_(quick_gelu(fc1_(layer_norm2_(x)))));
}

void ClipEncoderLayerImpl::reset_parameters(std::int64_t layers, at::Generator generator) {
  const at::NoGradGuard no_grad;
  const double width = static_cast<double>(q_proj_->weight.size(0));
  const double by_depth = std::pow(width, -0.5) * std::pow(2.0 * static_cast<double>(layers), -0.5);
  const auto fill = [&](Linear& layer, double deviation) {
    layer->weight.normal_(0, deviation, generator);
    layer->bias.zero_();
  };
  for (Linear* projection : {&q_proj_, &k_proj_, &v_proj_}) fill(*projection, by_depth);
  fill(out_proj_, std::pow(width, -0.5));
  fill(fc1_, std::pow(2 * width, -0.5));
  fill(fc2_, by_depth);
}

ClipTextModelImpl::ClipTextModelImpl(const ClipTextConfig& config) {
  Container text_model = register_module("text_model", Container());
  embeddings_ = text_model->add("embeddings", ClipTextEmbeddings(config));
  Container layers = text_model->add("encoder", Container())->add("layers", Container());
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i) {
    layers_.push_back(layers->add(std::to_string(i), ClipEncoderLayer(config)));
  }
  final_layer_norm_ = text_model->add("final_layer_norm", LayerNorm(config.hidden_size));
}

void ClipTextModelImpl::reset_parameters(at::Generator generator) {
  embeddings_->reset_parameters(generator);
  for (auto& layer : layers_) layer->reset_parameters(static_cast<std::int64_t>(layers_.size()), generator);
}

torch::Tensor ClipTextModelImpl::forward(const torch::Tensor& ids) {
  torch::Tensor x = embeddings_(ids);
  for (auto& layer : layers_) x = layer(x);
  return observed(final_layer_norm_(x));
}

}  // namespace ldm
