#include "ldm/parity/runner.h"

#include <ATen/ATen.h>

#include "ldm/modules/state.h"
#include "ldm/parity/weight_rule.h"
#include "ldm/pipelines/load_model.h"

namespace ldm::parity {

std::shared_ptr<LatentDiffusionImpl> ModelCache::model_for(const CaseFile& file) {
  const std::string config_path = file.resolve(file.text("config"));
  const std::string weights = file.text("weights");
  const std::int64_t salt = file.integer("salt", 0);
  config::Config config = config::Config::from_file(config_path);
  const bool use_ema = file.boolean("use_ema", config_uses_ema(config));
  const std::string key =
      config_path + '\n' + weights + '\n' + std::to_string(salt) + (use_ema ? " ema" : "");
  if (model_ && key == key_) return model_;
  model_.reset();  // before the next one is made: two full-size models do not fit everywhere
  if (weights == "rule" && options_.weights.empty()) {
    model_ = build_inference_model(config, default_registry());
    apply_weight_rule(*model_, salt, use_ema);
    convert_parameters(*model_, weight_type(options_.precision));
    model_->to(options_.device);
  } else {
    LoadOptions load;
    load.ema = use_ema ? EmaChoice::on : EmaChoice::off;
    load.device = options_.device;
    load.precision = options_.precision;
    load.mmap = options_.mmap;
    const std::string path = options_.weights.empty() ? file.resolve(weights) : options_.weights;
    model_ = load_model(config, path, load).model;
  }
  key_ = key;
  return model_;
}

FrozenCLIPEmbedderImpl& embedder_of(LatentDiffusionImpl& model) {
  auto* embedder = dynamic_cast<FrozenCLIPEmbedderImpl*>(model.cond_stage_model().get());
  if (embedder == nullptr)
    throw std::runtime_error("expected a config with a FrozenCLIPEmbedder, got another one");
  return *embedder;
}

DiagonalGaussianDistribution posterior_of(LatentDiffusionImpl& model, const at::Tensor& image) {
  return std::get<DiagonalGaussianDistribution>(model.encode_first_stage(image));
}

std::map<std::string, CaseRunner> case_runners() {
  return {{"clip_text", run_clip_text},   {"unet", run_unet},           {"vae_encode", run_vae_encode},
          {"vae_decode", run_vae_decode}, {"parts", run_parts},         {"loss", run_loss},
          {"ema_lr", run_ema_lr},         {"schedules", run_schedules}, {"load_img", run_load_img},
          {"txt2img", run_txt2img},       {"img2img", run_img2img},     {"inpaint", run_inpaint},
          {"ancestral", run_ancestral}};
}

}  // namespace ldm::parity
