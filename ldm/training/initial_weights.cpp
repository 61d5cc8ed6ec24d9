#include "ldm/training/initial_weights.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "ldm/models/diffusion/latent_diffusion.h"
#include "ldm/modules/init.h"
#include "ldm/modules/state.h"
#include "ldm/training/error.h"
#include "ldm/weights/open_weights.h"
#include "ldm/weights/sd_keys.h"

namespace ldm::training {
namespace {

using checkpoint::StateDict;

bool starts_with(const std::string& text, const std::string& begin) {
  return text.compare(0, begin.size(), begin) == 0;
}

/// A file of weights, and which of them are taken.
struct Source {
  std::string path;
  std::string prefix;  ///< before the module's names, as the file's keys have it
  std::vector<std::string> ignore_keys{};
  std::string only{};  ///< the beginning of the names that are taken; empty for all
  bool from_averages = false;
};

bool is_wanted(const Source& source, const std::string& key) {
  if (!starts_with(key, source.prefix + source.only)) return false;
  return std::none_of(source.ignore_keys.begin(), source.ignore_keys.end(),
                      [&](const std::string& begin) { return starts_with(key, begin); });
}

/// Overwrites what the file has. The names of the module's state that were set are added to `set`.
class WeightsReader {
 public:
  WeightsReader(torch::nn::Module& module, std::set<std::string>& set, const Say& say)
      : module_(module), set_(set), say_(say) {}

  void read(const Source& source) {
    const at::NoGradGuard no_grad;
    const StateDict file = weights::open_weights(source.path);
    std::size_t taken = 0;
    for (StateEntry& entry : state_of(module_)) {
      const std::string key = key_of(source, file, source.prefix + entry.name);
      if (!is_wanted(source, source.prefix + entry.name) || !file.contains(key)) continue;
      check_shape(file, key, entry.tensor);
      // An average that was not started yet is one zero, expanded.
      entry.tensor.set_data(
          file.tensor(key).tensor.to(entry.tensor.scalar_type()).clone(at::MemoryFormat::Contiguous));
      set_.insert(entry.name);
      ++taken;
    }
    if (taken == 0) {
      throw UnfitError("'" + source.path +
                       "': expected weights of the model that is trained, got none among " +
                       std::to_string(file.names().size()) + " tensors");
    }
    say_(std::to_string(taken) + " tensors from " + source.path +
         (source.from_averages ? " (averages as weights)" : ""));
  }

 private:
  static std::string key_of(const Source& source, const StateDict& file, const std::string& key) {
    if (!source.from_averages) return key;
    const std::string average = weights::ema_name_of(key);
    return !average.empty() && file.contains(average) ? average : key;
  }

  static void check_shape(const StateDict& file, const std::string& key, const at::Tensor& expected) {
    if (file.info(key).sizes == expected.sizes().vec()) return;
    std::ostringstream text;
    text << "'" << file.path() << "', '" << key << "': expected shape " << expected.sizes() << ", got "
         << at::IntArrayRef(file.info(key).sizes) << "; add the key to ignore_keys to begin that part anew";
    throw UnfitError(text.str());
  }

  torch::nn::Module& module_;
  std::set<std::string>& set_;
  const Say& say_;
};

void draw_weights(torch::nn::Module& module) {
  init_weights(module, at::globalContext().defaultGenerator(c10::kCPU));
}

/// The parameters whose names begin with `prefix` and that no file has set.
std::vector<std::string> unset(torch::nn::Module& module, const std::set<std::string>& set,
                               const std::string& prefix) {
  std::vector<std::string> names;
  for (const StateEntry& entry : parameters_of(module)) {
    const bool of_loss = starts_with(entry.name, "first_stage_model.loss.");
    if (starts_with(entry.name, prefix) && !of_loss && set.count(entry.name) == 0)
      names.push_back(entry.name);
  }
  return names;
}

void require_set(torch::nn::Module& module, const std::set<std::string>& set, const std::string& prefix,
                 const std::string& remedy) {
  const auto missing = unset(module, set, prefix);
  if (missing.empty()) return;
  throw UnfitError("expected weights for the frozen " + prefix.substr(0, prefix.size() - 1) +
                   ", found none for " + std::to_string(missing.size()) + " of its tensors ('" +
                   missing.front() + "', ...); " + remedy);
}

/// From the files only if they had all of them and the weights are not these very averages.
void start_averages(DDPMImpl& model, const std::set<std::string>& set, bool from_averages) {
  if (!model.options().use_ema) return;
  if (from_averages) return model.model_ema()->reset(*model.model());
  for (const auto& item : model.model()->named_parameters()) {
    if (set.count("model_ema." + LitEmaImpl::shadow_name(item.key())) == 0) {
      model.model_ema()->reset(*model.model());
      return;
    }
  }
}

}  // namespace

void allocate_weights(DDPMImpl& model) {
  draw_weights(model);
  if (model.options().use_ema) model.model_ema()->reset(*model.model());
}

void allocate_weights(AutoencoderKLImpl& model) {
  draw_weights(model);
}

void start_weights(AutoencoderKLImpl& model, const TrainerOptions& options, const Say& say) {
  draw_weights(model);
  std::set<std::string> set;
  WeightsReader reader(model, set, say);
  const std::string prefix(weights::kVaePrefix);
  if (model.options().ckpt_path)
    reader.read({*model.options().ckpt_path, prefix, model.options().ignore_keys});
  if (!options.finetune_from.empty()) reader.read({options.finetune_from, prefix, {}});
}

void start_weights(DDPMImpl& model, const TrainerOptions& options, const Say& say) {
  draw_weights(model);
  std::set<std::string> set;
  auto* latent = dynamic_cast<LatentDiffusionImpl*>(&model);
  auto* vae =
      latent == nullptr ? nullptr : dynamic_cast<AutoencoderKLImpl*>(latent->first_stage_model().get());
  WeightsReader reader(model, set, say);
  if (vae != nullptr && vae->options().ckpt_path) {
    reader.read(
        {*vae->options().ckpt_path, "", vae->options().ignore_keys, std::string(weights::kVaePrefix)});
  }
  const DDPMOptions& ddpm = model.options();
  if (ddpm.ckpt_path) {
    reader.read({*ddpm.ckpt_path, "", ddpm.ignore_keys, ddpm.load_only_unet ? "model." : ""});
  }
  if (!options.finetune_from.empty()) {
    reader.read({options.finetune_from, "", {}, "", options.finetune_ema});
  }
  if (vae != nullptr) {
    require_set(model, set, "first_stage_model.",
                "name them in first_stage_config.params.ckpt_path or lightning.trainer.finetune_from");
  }
  if (latent != nullptr && !latent->latent_options().cond_stage_trainable) {
    require_set(model, set, "cond_stage_model.",
                "name them in lightning.trainer.finetune_from, or set cond_stage_trainable");
  }
  start_averages(model, set, options.finetune_ema);
  const auto fresh = unset(model, set, "model.");
  if (!set.empty() && !fresh.empty() && fresh.size() < model.model()->parameters().size()) {
    say(std::to_string(fresh.size()) + " tensors of the network are in no file and start fresh: '" +
        fresh.front() + "', ...");
  }
}

}  // namespace ldm::training
