#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "ldm/modules/diffusionmodules/openaimodel.h"

namespace ldm {

/// How conditioning reaches the network: not at all, beside the input's channels, through cross-attention,
/// both ways, or as class labels (the reference's conditioning_key).
enum class ConditioningKey { none, concat, crossattn, hybrid, adm };

/// "concat", "crossattn", "hybrid" or "adm"; throws std::invalid_argument for anything else.
ConditioningKey parse_conditioning_key(const std::string& text);

/// The conditioning of one call, by the way it takes.
struct Conditioning {
  std::vector<torch::Tensor> c_concat;     ///< each [B, C, H, W], joined along the channels
  std::vector<torch::Tensor> c_crossattn;  ///< each [B, M, D], joined along M; for adm one int64 [B]
};

/// ldm.models.diffusion.ddpm.DiffusionWrapper: hands the conditioning to the network as its key says.
class DiffusionWrapperImpl : public Module {
 public:
  DiffusionWrapperImpl(std::shared_ptr<DiffusionNetwork> diffusion_model, ConditioningKey key);
  /// x [B, C, H, W], t [B] -> [B, out_channels, H, W]. Throws c10::Error when the key's conditioning is
  /// absent.
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& t, const Conditioning& cond = {});

  ConditioningKey conditioning_key() const { return key_; }

 private:
  std::shared_ptr<DiffusionNetwork> diffusion_model_;
  ConditioningKey key_;
};
TORCH_MODULE(DiffusionWrapper);

}  // namespace ldm
