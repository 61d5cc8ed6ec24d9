#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
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

  /// Largest batch that the network is given at once; forward cuts a larger one into parts and joins their
  /// results. 0, the default, for any. For inference on little memory: it changes no draw of random numbers,
  /// and results by rounding alone.
  void set_rows_per_call(std::int64_t rows) { rows_per_call_ = rows; }

  /// What to do to the network once, before its next call: work on the weights that pays only for whoever
  /// samples, and that nobody else should wait for.
  void prepare_with(std::function<void()> prepare) { prepare_ = std::move(prepare); }

 private:
  torch::Tensor forward_whole(const torch::Tensor& x, const torch::Tensor& t, const Conditioning& cond);

  std::shared_ptr<DiffusionNetwork> diffusion_model_;
  ConditioningKey key_;
  std::int64_t rows_per_call_ = 0;
  std::function<void()> prepare_;
};
TORCH_MODULE(DiffusionWrapper);

}  // namespace ldm
