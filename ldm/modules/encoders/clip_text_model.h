#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "ldm/modules/layers.h"

namespace ldm {

/// Sizes of CLIP's text transformer, under Hugging Face's names. The defaults are those of
/// openai/clip-vit-large-patch14, the one that Stable Diffusion v1 uses.
struct ClipTextConfig {
  std::int64_t vocab_size = 49408;
  std::int64_t hidden_size = 768;
  std::int64_t intermediate_size = 3072;
  std::int64_t num_hidden_layers = 12;
  std::int64_t num_attention_heads = 12;
  std::int64_t max_position_embeddings = 77;
};

/// transformers' CLIPTextEmbeddings: token and position embeddings added.
class ClipTextEmbeddingsImpl : public Module {
 public:
  explicit ClipTextEmbeddingsImpl(const ClipTextConfig& config);
  /// ids int64 [B, N], N <= max_position_embeddings -> [B, N, hidden_size].
  torch::Tensor forward(const torch::Tensor& ids);
  /// Fills the embeddings, which must have storage, as transformers does.
  void reset_parameters(at::Generator generator);

 private:
  Embedding token_embedding_{nullptr}, position_embedding_{nullptr};
};
TORCH_MODULE(ClipTextEmbeddings);

/// transformers' CLIPEncoderLayer: causal self-attention and an MLP with the "quick" GELU x * sigmoid(1.702
/// x).
class ClipEncoderLayerImpl : public Module {
 public:
  explicit ClipEncoderLayerImpl(const ClipTextConfig& config);
  /// x [B, N, hidden_size] -> the same shape.
  torch::Tensor forward(torch::Tensor x);
  /// Fills the linear layers, which must have storage, as transformers does for a model of `layers` layers.
  void reset_parameters(std::int64_t layers, at::Generator generator);

 private:
  std::int64_t heads_;
  Linear k_proj_{nullptr}, v_proj_{nullptr}, q_proj_{nullptr}, out_proj_{nullptr};
  LayerNorm layer_norm1_{nullptr}, layer_norm2_{nullptr};
  Linear fc1_{nullptr}, fc2_{nullptr};
};
TORCH_MODULE(ClipEncoderLayer);

/// transformers' CLIPTextModel up to its last hidden state; parameters under `text_model`.
class ClipTextModelImpl : public Module {
 public:
  explicit ClipTextModelImpl(const ClipTextConfig& config);
  /// ids int64 [B, N] -> last hidden state after the final norm [B, N, hidden_size]. No padding mask.
  torch::Tensor forward(const torch::Tensor& ids);
  /// First weights as transformers' CLIPPreTrainedModel draws them (initializer_factor 1); the layers must
  /// have storage, and the norms their ones and zeros.
  void reset_parameters(at::Generator generator);

 private:
  ClipTextEmbeddings embeddings_{nullptr};
  std::vector<ClipEncoderLayer> layers_;
  LayerNorm final_layer_norm_{nullptr};
};
TORCH_MODULE(ClipTextModel);

}  // namespace ldm
