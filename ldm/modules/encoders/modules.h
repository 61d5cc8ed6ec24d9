#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "ldm/modules/encoders/clip_text_model.h"
#include "ldm/modules/encoders/clip_tokenizer.h"
#include "ldm/modules/module.h"

namespace ldm {

/// What a conditioning stage encodes: one text for each image, or a tensor (class labels, maps).
using ConditioningInput = std::variant<std::vector<std::string>, torch::Tensor>;

/// The role "conditioning stage": whatever a `cond_stage_config` may name.
class ConditioningStage : public Module {
 public:
  /// The conditioning c that the denoising network takes. Throws std::invalid_argument for an input of the
  /// other kind.
  virtual torch::Tensor encode(const ConditioningInput& input) = 0;
  /// The end of a text that is too long for this stage and that it does not see; empty if it sees all.
  virtual std::string truncated(const std::string& /*text*/) const { return ""; }
};

struct FrozenClipEmbedderOptions {
  ClipTextConfig text_config;
  std::int64_t max_length = 77;  ///< tokens of each text, start and end included
};

/// ldm.modules.encoders.modules.FrozenCLIPEmbedder: CLIP's tokenizer and text transformer. The reference's
/// `version` (a name to download) and `device` change nothing here.
class FrozenCLIPEmbedderImpl : public ConditioningStage {
 public:
  explicit FrozenCLIPEmbedderImpl(const FrozenClipEmbedderOptions& options);

  /// Texts -> int64 [B, max_length] on the CPU: start, tokens cut to fit, end, padded with the end token.
  torch::Tensor tokenize(const std::vector<std::string>& texts) const;
  /// ids int64 [B, N] -> [B, N, hidden_size].
  torch::Tensor forward(const torch::Tensor& ids);
  /// Texts -> [B, max_length, hidden_size], on the device of the weights.
  torch::Tensor encode(const ConditioningInput& input) override;
  /// The tokens beyond max_length, decoded.
  std::string truncated(const std::string& text) const override;

 private:
  std::int64_t max_length_;
  std::shared_ptr<const ClipTokenizer> tokenizer_;
  ClipTextModel transformer_{nullptr};
};
TORCH_MODULE(FrozenCLIPEmbedder);

}  // namespace ldm
