#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "ldm/models/diffusion/latent_diffusion.h"
#include "ldm/ops/precision.h"
#include "ldm/parity/case_file.h"
#include "ldm/parity/comparison.h"

namespace ldm::parity {

struct RunOptions {
  Tolerance tolerance;
  bool selftest = false;
  std::string weights;  ///< a checkpoint to use in place of the case's own weights; empty for none
  checkpoint::MmapChoice mmap = checkpoint::MmapChoice::automatic;
  c10::Device device = c10::kCPU;
  Precision precision = Precision::full;
};

/// Gives cases their models, keeping the last one: many cases share one and a full-size one takes seconds to
/// fill.
class ModelCache {
 public:
  explicit ModelCache(const RunOptions& options) : options_(options) {}
  /// The model of a case's `config`, `weights`, `salt` and `use_ema`, in eval mode.
  std::shared_ptr<LatentDiffusionImpl> model_for(const CaseFile& file);

 private:
  RunOptions options_;
  std::string key_;
  std::shared_ptr<LatentDiffusionImpl> model_;
};

/// What a case runner works with.
struct CaseContext {
  const CaseFile& file;
  Comparison& comparison;
  ModelCache& models;
  const RunOptions& options;

  std::shared_ptr<LatentDiffusionImpl> model() { return models.model_for(file); }
  /// An input of the case, on the device.
  at::Tensor input(const std::string& name) { return comparison.input(name).to(options.device); }
};

using CaseRunner = std::function<void(CaseContext&)>;

/// THE table of supported cases: the metadata's `case` -> what runs it.
std::map<std::string, CaseRunner> case_runners();

// The runners, by file.
void run_clip_text(CaseContext& context);
void run_unet(CaseContext& context);
void run_vae_encode(CaseContext& context);
void run_vae_decode(CaseContext& context);
void run_parts(CaseContext& context);
void run_loss(CaseContext& context);
void run_ema_lr(CaseContext& context);
void run_schedules(CaseContext& context);
void run_load_img(CaseContext& context);
void run_txt2img(CaseContext& context);
void run_img2img(CaseContext& context);
void run_inpaint(CaseContext& context);
void run_ancestral(CaseContext& context);

/// The model's text encoder. Throws std::runtime_error when its conditioning stage is another one.
FrozenCLIPEmbedderImpl& embedder_of(LatentDiffusionImpl& model);
/// The first stage's distribution for an image [B, 3, H, W].
DiagonalGaussianDistribution posterior_of(LatentDiffusionImpl& model, const at::Tensor& image);

/// Compares the tokenizer with a golden tokenizer.json: counts of texts whose ids agree and do not.
struct TokenizerResult {
  std::int64_t texts = 0, differing = 0;
  std::string first_difference;  ///< a text whose ids differ
};
/// With `selftest` every expected id list is changed, so that all must differ. Throws std::runtime_error for
/// a file of another form.
TokenizerResult run_tokenizer(const std::string& path, bool selftest);

}  // namespace ldm::parity
