#include "ldm/pipelines/text_conditioning.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>
#include <stdexcept>

namespace ldm {
namespace {

/// A stage that draws nothing.
class NoNoise : public NoiseSource {
 public:
  at::Tensor normal(NoiseUse, at::IntArrayRef, c10::Device) override { fail(); }
  at::Tensor dropout(const at::Tensor&, double) override { fail(); }

 private:
  [[noreturn]] static void fail() { throw std::logic_error("expected text encoding to draw nothing"); }
};

}  // namespace

at::Tensor encode_prompts(FiniteStages& stages, const std::vector<std::string>& prompts,
                          const FiniteStages::Warn& warn) {
  std::vector<std::string> texts;
  std::vector<std::int64_t> rows;
  for (const std::string& prompt : prompts) {
    const auto found = std::find(texts.begin(), texts.end(), prompt);
    rows.push_back(found - texts.begin());
    if (found == texts.end()) texts.push_back(prompt);
  }
  NoNoise noise;
  const auto encode = [&](const StageModel& with, NoiseSource&) {
    const AutocastScope autocast(stages.device(), with.precision);
    return with.model->get_learned_conditioning(texts);
  };
  const at::Tensor encoded = stages.run("text encoding", encode, noise, warn);
  return encoded.index_select(0, at::tensor(rows, at::kLong).to(encoded.device()));
}

std::string unseen_text(LatentDiffusionImpl& model, const std::string& prompt) {
  return model.cond_stage_model() ? model.cond_stage_model()->truncated(prompt) : "";
}

}  // namespace ldm
