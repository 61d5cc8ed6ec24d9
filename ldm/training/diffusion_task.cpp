#include "ldm/training/diffusion_task.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <stdexcept>

#include "ldm/models/diffusion/noise_source.h"
#include "ldm/models/diffusion/sampler.h"
#include "ldm/modules/state.h"
#include "ldm/training/latent_cache.h"
#include "ldm/training/random_state.h"

namespace ldm::training {

at::Tensor to_network(const at::Tensor& images, c10::Device device, bool channels_last) {
  const at::Tensor planes = images.to(device).permute({0, 3, 1, 2});
  return planes.contiguous(channels_last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
}

namespace {

/// Rows 0 .. count - 1 of the fields.
ConditioningInput first_rows(const ConditioningInput& input, std::int64_t count) {
  if (const auto* texts = std::get_if<std::vector<std::string>>(&input)) {
    return std::vector<std::string>(texts->begin(), texts->begin() + count);
  }
  return std::get<at::Tensor>(input).slice(0, 0, count);
}

}  // namespace

DiffusionTask::DiffusionTask(std::shared_ptr<DDPMImpl> model, const TrainerOptions& options)
    : model_(std::move(model)),
      latent_(std::dynamic_pointer_cast<LatentDiffusionImpl>(model_)),
      channels_last_(options.channels_last) {}

std::vector<TrainedParameter> DiffusionTask::trained_parameters() {
  // The reference's order: the network, the conditioning stage, logvar.
  std::vector<TrainedParameter> parameters;
  const auto add = [&](torch::nn::Module& module, const std::string& prefix) {
    for (const StateEntry& entry : parameters_of(module)) {
      parameters.push_back({prefix + entry.name, entry.tensor});
    }
  };
  add(*model_->model(), "model.");
  const bool trains_conditioning = latent_ && latent_->latent_options().cond_stage_trainable;
  if (trains_conditioning && latent_->cond_stage_model())
    add(*latent_->cond_stage_model(), "cond_stage_model.");
  if (model_->options().learn_logvar) parameters.push_back({"logvar", model_->logvar()});
  return parameters;
}

void DiffusionTask::set_training(bool training) {
  model_->train(training);
  if (!latent_) return;
  latent_->first_stage_model()->eval();
  if (latent_->cond_stage_model() && !latent_->latent_options().cond_stage_trainable) {
    latent_->cond_stage_model()->eval();
  }
}

bool DiffusionTask::has_images(const data::Batch& batch) const {
  return batch.fields.count(kMomentsField) == 0;
}

at::Tensor DiffusionTask::images(const data::Batch& batch) const {
  return to_network(batch.tensor(model_->options().first_stage_key), model_->device(), channels_last_);
}

at::Tensor DiffusionTask::start(const data::Batch& batch) {
  if (!latent_) return images(batch);
  const at::NoGradGuard no_grad;
  if (has_images(batch)) return latent_->get_first_stage_encoding(latent_->encode_first_stage(images(batch)));
  const at::Tensor moments = batch.tensor(kMomentsField).to(model_->device());
  // A first stage without a distribution gives the latent itself.
  const bool is_distribution = moments.size(1) != model_->options().channels;
  return latent_->get_first_stage_encoding(is_distribution
                                               ? FirstStageEncoding(DiagonalGaussianDistribution(moments))
                                               : FirstStageEncoding(moments));
}

void DiffusionTask::prepare(const data::Batch& first) {
  if (!latent_ || !latent_->latent_options().scale_by_std) return;
  const double configured = latent_->latent_options().scale_factor;
  if (configured != 1.0) {
    throw std::invalid_argument("expected scale_factor 1 with scale_by_std, which sets it, got " +
                                std::to_string(configured));
  }
  if (latent_->scale_factor() != 1.0) return;  // it came with weights that were trained with it
  latent_->set_scale_factor(1.0 / start(first).std().item<double>());
}

at::Tensor DiffusionTask::timesteps(std::int64_t batch_size) {
  const std::int64_t count = model_->num_timesteps();
  const auto options = at::TensorOptions(at::kLong).device(model_->device());
  if (!model_->options().stratified_timesteps) return at::randint(0, count, {batch_size}, options);
  // One in each of batch_size equal parts of the schedule.
  const at::Tensor place =
      at::arange(batch_size, options) + at::rand({batch_size}, options.dtype(at::kFloat));
  return (place * (static_cast<double>(count) / static_cast<double>(batch_size)))
      .to(at::kLong)
      .clamp_max(count - 1);
}

ConditioningInput DiffusionTask::conditioning_input(const data::Batch& batch) {
  const LatentDiffusionOptions& options = latent_->latent_options();
  const auto field = batch.fields.find(options.cond_stage_key);
  const auto* texts =
      field == batch.fields.end() ? nullptr : std::get_if<std::vector<std::string>>(&field->second);
  if (texts == nullptr) {
    const at::Tensor& tensor = batch.tensor(options.cond_stage_key);
    if (tensor.dim() == 4) return to_network(tensor, model_->device(), channels_last_);
    return tensor.to(model_->device());
  }
  std::vector<std::string> captions = *texts;
  const auto drop = options.ucg_training.find(options.cond_stage_key);
  if (model_->is_training() && drop != options.ucg_training.end()) {
    const at::Tensor draw = at::rand({static_cast<std::int64_t>(captions.size())});
    for (std::size_t i = 0; i < captions.size(); ++i) {
      if (draw[static_cast<std::int64_t>(i)].item<double>() < drop->second.p) captions[i] = drop->second.val;
    }
  }
  return captions;
}

Conditioning DiffusionTask::conditioning(const data::Batch& batch, const at::Tensor& t) {
  if (!latent_ || model_->options().conditioning_key == ConditioningKey::none) return {};
  const ConditioningInput input = conditioning_input(batch);
  at::Tensor c;
  {
    const at::AutoGradMode with_graph(at::GradMode::is_enabled() &&
                                      latent_->latent_options().cond_stage_trainable);
    c = latent_->get_learned_conditioning(input);
  }
  const std::int64_t shortened = latent_->latent_options().num_timesteps_cond;
  if (shortened > 1) c = model_->q_sample(c, latent_->cond_ids().index({t}), at::randn_like(c));
  return latent_->as_conditioning(c);
}

TrainingLoss DiffusionTask::shared_step(const data::Batch& batch) {
  // The draws come in the reference's order: the posterior's noise, t, noise.
  const at::Tensor x_start = start(batch);
  const at::Tensor t = timesteps(x_start.size(0));
  const Conditioning cond = conditioning(batch, t);
  return model_->p_losses(x_start, cond, t, at::randn_like(x_start));
}

std::map<std::string, at::Tensor> DiffusionTask::validation_step(const data::Batch& batch) {
  const at::NoGradGuard no_grad;
  std::map<std::string, at::Tensor> log = shared_step(batch).log;
  if (!model_->options().use_ema) return log;
  const EmaScope averaged(*model_);
  for (const auto& [name, value] : shared_step(batch).log) log[name + "_ema"] = value;
  return log;
}

void DiffusionTask::on_train_batch_end() {
  if (model_->options().use_ema) model_->model_ema()(*model_->model());
}

std::vector<std::string> DiffusionTask::captions(const data::Batch& batch) const {
  if (!latent_) return {};
  const auto field = batch.fields.find(latent_->latent_options().cond_stage_key);
  if (field == batch.fields.end()) return {};
  const auto* texts = std::get_if<std::vector<std::string>>(&field->second);
  return texts == nullptr ? std::vector<std::string>{} : *texts;
}

at::Tensor DiffusionTask::sampled(const data::Batch& batch, const ImageLogOptions& options,
                                  std::uint64_t seed, std::int64_t count) {
  const DDPMOptions& model = model_->options();
  SamplingRequest request;
  request.steps = options.ddim_steps;
  request.batch_size = count;
  request.shape = {model.channels, model.image_size, model.image_size};
  request.eta = options.ddim_eta;
  request.unconditional_guidance_scale = options.unconditional_guidance_scale;
  if (latent_ && model.conditioning_key != ConditioningKey::none) {
    const ConditioningInput input = first_rows(conditioning_input(batch), count);
    request.conditioning = latent_->as_conditioning(latent_->get_learned_conditioning(input));
    if (options.unconditional_guidance_scale != 1 &&
        std::holds_alternative<std::vector<std::string>>(input)) {
      const std::vector<std::string> empty(static_cast<std::size_t>(count));
      request.unconditional_conditioning = latent_->as_conditioning(latent_->get_learned_conditioning(empty));
    }
  }
  BatchNoise noise(seed, model_->device());
  const at::Tensor x = make_sampler("ddim", model_)->sample(request, noise).samples;
  return latent_ ? latent_->decode_first_stage(x) : x;
}

LoggedImages DiffusionTask::log_images(const data::Batch& batch, const ImageLogOptions& options,
                                       std::uint64_t seed) {
  const at::NoGradGuard no_grad;
  const SeededScope seeded(seed, model_->device());
  const std::int64_t count = std::min(options.N, batch.size());
  LoggedImages logged;
  if (has_images(batch)) logged.emplace_back("inputs", images(batch).slice(0, 0, count));
  if (latent_) {
    logged.emplace_back("reconstruction", latent_->decode_first_stage(start(batch).slice(0, 0, count)));
  }
  if (!options.sample) return logged;
  logged.emplace_back("samples", sampled(batch, options, seed, count));
  if (model_->options().use_ema) {
    const EmaScope averaged(*model_);
    logged.emplace_back("samples_ema", sampled(batch, options, seed, count));
  }
  return logged;
}

}  // namespace ldm::training
