#include "ldm/training/training_run.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <stdexcept>
#include <utility>

#include "ldm/config/params.h"
#include "ldm/modules/state.h"
#include "ldm/training/autoencoder_task.h"
#include "ldm/training/diffusion_task.h"
#include "ldm/training/latent_cache.h"
#include "ldm/training/random_state.h"
#include "ldm/util.h"

namespace ldm::training {
namespace {

using config::Node;

OptimizerOptions read_optimizer(const Node& node, OptimizerOptions options) {
  if (!node.defined() || node.is_null()) return options;
  const std::string target = node.at("target").as_text();
  if (target != "torch.optim.AdamW" && target != "torch.optim.Adam") {
    node.at("target").fail("expected torch.optim.AdamW or torch.optim.Adam, got '" + target + "'");
  }
  options = OptimizerOptions();
  options.decoupled = target == "torch.optim.AdamW";
  config::Params params(node.find("params"), target);
  const auto betas = params.reals("betas", {options.beta1, options.beta2});
  if (betas.size() != 2) node.at("params").at("betas").fail("expected two betas");
  options.beta1 = betas[0];
  options.beta2 = betas[1];
  options.eps = params.real("eps", options.eps);
  options.weight_decay = params.real("weight_decay", options.decoupled ? options.weight_decay : 0);
  params.finish();
  return options;
}

/// Convolutions work on images with their channels last, so their weights lie so too.
void place(torch::nn::Module& module, const TrainerOptions& options) {
  const at::NoGradGuard no_grad;
  module.to(options.device);
  if (!options.channels_last) return;
  for (StateEntry& entry : parameters_of(module)) {
    if (entry.tensor.dim() == 4) entry.bind(entry.tensor.contiguous(at::MemoryFormat::ChannelsLast));
  }
}

/// A model of either role: draws or reads its weights unless the run is resumed, and makes its task.
class TaskBuilder {
 public:
  /// `resume_from` is the checkpoint that has the weights; empty for a new run.
  TaskBuilder(const config::Config& config, const Registry& registry, std::string resume_from, const Say& say)
      : node_(config.root().at("model")),
        registry_(registry),
        resume_from_(std::move(resume_from)),
        say_(say) {}

  bool is_diffusion() const { return registry_.targets<DDPMImpl>().count(node_.at("target").as_text()) > 0; }

  /// Builds the model; `monitor` is known then.
  std::string build() {
    const at::NoGradGuard no_grad;
    if (is_diffusion()) {
      diffusion_ = instantiate_from_config<DDPMImpl>(node_, registry_);
      return diffusion_->options().monitor;
    }
    if (registry_.targets<FirstStage>().count(node_.at("target").as_text()) == 0) {
      node_.at("target").fail("expected a model to train (a DDPM, LatentDiffusion or AutoencoderKL), got '" +
                              node_.at("target").as_text() + "'");
    }
    autoencoder_ =
        std::dynamic_pointer_cast<AutoencoderKLImpl>(instantiate_from_config<FirstStage>(node_, registry_));
    if (!autoencoder_) node_.at("target").fail("expected a first stage with weights, an AutoencoderKL");
    return autoencoder_->options().monitor;
  }

  /// The training data with its images encoded once, where the options ask for it.
  void cache_latents(const TrainerOptions& options, data::DataModule& data) const {
    if (options.latent_cache.empty()) return;
    const auto latent = std::dynamic_pointer_cast<LatentDiffusionImpl>(diffusion_);
    if (!latent) {
      throw std::invalid_argument(
          "expected a LatentDiffusion for lightning.trainer.latent_cache, got another model");
    }
    latent->first_stage_model()->eval();
    data.train = std::make_shared<LatentCache>(data.train, *latent->first_stage_model(), options.device,
                                               options.latent_cache, latent->options().first_stage_key,
                                               data.num_workers, say_);
  }

  std::unique_ptr<TrainingTask> make_task(const TrainerOptions& options) {
    if (autoencoder_) {
      start(*autoencoder_, options);
      return std::make_unique<AutoencoderTask>(autoencoder_, options);
    }
    start(*diffusion_, options);
    return std::make_unique<DiffusionTask>(diffusion_, options);
  }

 private:
  template <typename Model>
  void start(Model& model, const TrainerOptions& options) {
    if (resume_from_.empty()) {
      start_weights(model, options, say_);
    } else {
      allocate_weights(model);
      resume_weights(resume_from_, model);
    }
    place(model, options);
  }

  const Node node_;
  const Registry& registry_;
  const std::string resume_from_;
  const Say& say_;
  std::shared_ptr<DDPMImpl> diffusion_;
  std::shared_ptr<AutoencoderKLImpl> autoencoder_;
};

double scaled_rate(const Node& model, std::int64_t batch_size, const TrainerSetup& setup, bool scales) {
  const double base = model.at("base_learning_rate").as_real();
  if (!scales) return base;
  return base * static_cast<double>(setup.options.trainer.accumulate_grad_batches * setup.process.world_size *
                                    batch_size);
}

}  // namespace

c10::Device run_device(const config::Config& config) {
  return read_lightning(config.root().find("lightning"), "").trainer.device;
}

TrainingRun prepare_run(const config::Config& config, const Registry& registry, const RunFolder& folder,
                        const RunOptions& options, const Say& say) {
  const Node root = config.root();
  TrainingRun run;
  run.setup.folder = folder;
  run.setup.seed = options.seed;
  TaskBuilder builder(config, registry, folder.resume_from, say);
  const std::string monitor = builder.build();
  run.setup.options = read_lightning(root.find("lightning"), monitor);
  const TrainerOptions& trainer = run.setup.options.trainer;
  seed_everything(options.seed, trainer.device);
  run.data = data::build_data_module(root.at("data"), registry);
  run.task = builder.make_task(trainer);
  builder.cache_latents(trainer, run.data);
  run.setup.optimizer = read_optimizer(root.at("model").find("optimizer"), run.task->optimizer_defaults());
  run.setup.learning_rate = scaled_rate(root.at("model"), run.data.batch_size, run.setup, options.scale_lr);
  say("learning rate " + std::to_string(run.setup.learning_rate) +
      (options.scale_lr ? " (base_learning_rate times batches, batch size and processes)" : ""));
  return run;
}

}  // namespace ldm::training
