#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "ldm/data/resize.h"
#include "ldm/parity/runner.h"

namespace ldm::parity {
namespace {

constexpr const char* kSummaryPrefix = "ck.";

/// The full name of the module that a checkpoint "ck.NAME" speaks of: goldens shorten the names inside a
/// spatial transformer and of the text model.
std::vector<std::string> candidates(const std::string& name) {
  std::vector<std::string> names{name, "transformer.text_model." + name,
                                 "transformer.text_model.encoder." + name};
  const std::size_t dot = name.rfind('.');
  if (dot != std::string::npos) {
    names.push_back(name.substr(0, dot) + ".transformer_blocks.0" + name.substr(dot));
  }
  return names;
}

/// Watches the modules that the case's checkpoints name, while it lives.
class SummaryWatch {
 public:
  SummaryWatch(CaseContext& context, torch::nn::Module& root) {
    const auto modules = root.named_modules();
    for (const std::string& tensor : context.file.tensor_names()) {
      if (tensor.rfind(kSummaryPrefix, 0) != 0) continue;
      for (const std::string& name : candidates(tensor.substr(std::string(kSummaryPrefix).size()))) {
        const auto* found = modules.find(name);
        auto* module = found ? dynamic_cast<Module*>(found->get()) : nullptr;
        if (module == nullptr) continue;
        module->set_output_observer([&context, tensor](const at::Tensor& output) {
          context.comparison.compare_summary(tensor, output);
        });
        watched_.push_back(module);
        break;
      }
    }
  }
  ~SummaryWatch() {
    for (Module* module : watched_) module->set_output_observer({});
  }
  SummaryWatch(const SummaryWatch&) = delete;
  SummaryWatch& operator=(const SummaryWatch&) = delete;

 private:
  std::vector<Module*> watched_;
};

}  // namespace

void run_clip_text(CaseContext& context) {
  const auto model = context.model();  // its weights stay usable for training: bound outside inference mode
  const c10::InferenceMode inference;
  FrozenCLIPEmbedderImpl& embedder = embedder_of(*model);
  const auto prompts = nlohmann::json::parse(context.file.text("prompts")).get<std::vector<std::string>>();
  const SummaryWatch watch(context, embedder);
  context.comparison.compare("ids", embedder.tokenize(prompts));
  context.comparison.compare("out", model->get_learned_conditioning(prompts));
}

void run_unet(CaseContext& context) {
  const auto model = context.model();
  const c10::InferenceMode inference;
  const AutocastScope autocast(context.options.device, context.options.precision);
  const SummaryWatch watch(context, *model->model()->named_children()["diffusion_model"]);
  context.comparison.compare(
      "out", model->apply_model(context.input("x"), context.input("t"), context.input("context")));
}

void run_vae_encode(CaseContext& context) {
  const auto model = context.model();
  const c10::InferenceMode inference;
  const at::Tensor image = data::image_to_tensor(context.comparison.input("image_u8"));
  context.comparison.compare("image", image);
  const SummaryWatch watch(context, *model->first_stage_model());
  const auto posterior = posterior_of(*model, image.to(context.options.device));
  context.comparison.compare("mean", posterior.mean());
  context.comparison.compare("logvar", posterior.logvar());
}

void run_vae_decode(CaseContext& context) {
  const auto model = context.model();
  const c10::InferenceMode inference;
  const SummaryWatch watch(context, *model->first_stage_model());
  const at::Tensor image = model->decode_first_stage(context.input("latent"));
  context.comparison.compare("image_f16", image);
  // The part that is stored in float32.
  const std::string crop = context.file.text("crop");
  long long top = 0, bottom = 0, left = 0, right = 0;
  if (std::sscanf(crop.c_str(), "rows %lld:%lld cols %lld:%lld", &top, &bottom, &left, &right) != 4) {
    throw std::runtime_error("expected crop 'rows A:B cols C:D', got '" + crop + "'");
  }
  context.comparison.compare("crop_f32", image.slice(2, top, bottom).slice(3, left, right));
  context.comparison.compare("mean", image.mean({0, 2, 3}));
  context.comparison.compare("std", image.transpose(0, 1).flatten(1).std(1));
}

void run_parts(CaseContext& context) {
  const auto model = context.model();
  const c10::InferenceMode inference;
  const at::Tensor c = embedder_of(*model).forward(context.input("ids"));
  context.comparison.compare("context", c);
  const at::Tensor x = context.input("x");
  context.comparison.compare("unet_out", model->apply_model(x, context.input("t"), c));
  context.comparison.compare("unet_out_t_float", model->apply_model(x, context.input("t_float"), c));
  const auto posterior = posterior_of(*model, context.input("image"));
  context.comparison.compare("enc_mean", posterior.mean());
  context.comparison.compare("enc_logvar", posterior.logvar());
  context.comparison.compare("decoded", model->decode_first_stage(context.input("latent")));
}

void run_load_img(CaseContext& context) {
  const std::string in = ".in", out = ".out";
  for (const std::string& name : context.file.tensor_names()) {
    if (name.size() < in.size() || name.compare(name.size() - in.size(), in.size(), in) != 0) continue;
    const at::Tensor image = context.comparison.input(name);
    const auto size = data::floor_to_multiple({image.size(0), image.size(1)}, 32);
    context.comparison.compare(name.substr(0, name.size() - in.size()) + out,
                               data::lanczos_resize(image, size.height, size.width));
  }
}

}  // namespace ldm::parity
