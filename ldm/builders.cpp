#include "ldm/builders.h"

#include <map>
#include <stdexcept>
#include <string>
#include <utility>

#include "ldm/util.h"

namespace ldm {
namespace {

using config::Node;
using config::Params;

/// A list of texts; none if the key is absent.
std::vector<std::string> read_texts(const Node& node) {
  std::vector<std::string> texts;
  if (!node.defined()) return texts;
  for (const Node& item : node.items()) texts.push_back(item.as_text());
  return texts;
}

/// The weights that the reference would load while it builds the model. Building loads nothing here: the path
/// is kept for whoever trains from it, and a checkpoint that is bound afterwards overrides it anyway.
template <typename Options>
void read_first_weights(Params& params, Options& options) {
  options.ckpt_path = params.optional_text("ckpt_path");
  options.ignore_keys = read_texts(params.optional_node("ignore_keys"));
  options.monitor = params.optional_text("monitor").value_or(options.monitor);
}

std::optional<LossWeighting> read_loss_weighting(const Node& node) {
  if (!node.defined()) return std::nullopt;
  Params params(node, "loss_weighting");
  LossWeighting weighting;
  weighting.max = params.real("max", weighting.max);
  weighting.offset = params.real("offset", weighting.offset);
  params.finish();
  if (!(weighting.max > 0 && weighting.offset >= 0)) node.fail("expected max above 0 and offset from 0");
  return weighting;
}

std::map<std::string, UcgTraining> read_ucg_training(const Node& node) {
  std::map<std::string, UcgTraining> drops;
  if (!node.defined()) return drops;
  for (const std::string& key : node.keys()) {
    Params params(node.at(key), "ucg_training");
    UcgTraining& drop = drops[key];
    drop.p = params.real("p");
    drop.val = params.text("val", "");
    params.finish();
    if (!(drop.p >= 0 && drop.p <= 1)) node.at(key).at("p").fail("expected a probability in [0, 1]");
  }
  return drops;
}

std::shared_ptr<LrScheduler> read_scheduler(Params& params, const Registry& registry) {
  const Node scheduler = params.optional_node("scheduler_config");
  return scheduler.defined() ? instantiate_from_config<LrScheduler>(scheduler, registry) : nullptr;
}

void read_schedule(Params& params, DDPMOptions& options) {
  options.timesteps = params.integer("timesteps", options.timesteps);
  options.beta_schedule = params.text("beta_schedule", options.beta_schedule);
  options.linear_start = params.real("linear_start", options.linear_start);
  options.linear_end = params.real("linear_end", options.linear_end);
  options.cosine_s = params.real("cosine_s", options.cosine_s);
  options.given_betas = params.reals("given_betas", {});
  options.v_posterior = params.real("v_posterior", options.v_posterior);
}

void read_loss(Params& params, DDPMOptions& options) {
  options.loss_type = params.text("loss_type", options.loss_type);
  options.l_simple_weight = params.real("l_simple_weight", options.l_simple_weight);
  options.original_elbo_weight = params.real("original_elbo_weight", options.original_elbo_weight);
  options.learn_logvar = params.boolean("learn_logvar", options.learn_logvar);
  options.logvar_init = params.real("logvar_init", options.logvar_init);
  options.loss_weighting = read_loss_weighting(params.optional_node("loss_weighting"));
  options.stratified_timesteps = params.boolean("stratified_timesteps", options.stratified_timesteps);
}

DDPMOptions read_ddpm(Params& params, const Registry& registry) {
  DDPMOptions options;
  read_schedule(params, options);
  read_loss(params, options);
  options.use_ema = params.boolean("use_ema", options.use_ema);
  options.ema_decay = params.real("ema_decay", options.ema_decay);
  options.clip_denoised = params.boolean("clip_denoised", options.clip_denoised);
  options.first_stage_key = params.text("first_stage_key", options.first_stage_key);
  options.image_size = params.integer("image_size", options.image_size);
  options.channels = params.integer("channels", options.channels);
  options.log_every_t = params.integer("log_every_t", options.log_every_t);
  options.parameterization = parse_parameterization(params.text("parameterization", "eps"));
  options.scheduler = read_scheduler(params, registry);
  if (params.boolean("use_positional_encodings", false)) {
    throw std::invalid_argument("expected use_positional_encodings false, the only form here; got true");
  }
  options.monitor = "val/loss";  // the reference's default
  read_first_weights(params, options);
  options.load_only_unet = params.boolean("load_only_unet", false);
  return options;
}

bool is_marker(const Node& node, const char* marker) {
  return node.is_scalar() && node.as_text() == marker;
}

ConditioningKey conditioning_key_of_latent(Params& params, bool unconditional) {
  const auto text = params.optional_text("conditioning_key");
  const bool concat_mode = params.boolean("concat_mode", true);
  if (unconditional) return ConditioningKey::none;
  if (text) return parse_conditioning_key(*text);
  return concat_mode ? ConditioningKey::concat : ConditioningKey::crossattn;
}

ClipTextConfig read_text_config(const Node& node) {
  ClipTextConfig config;
  if (!node.defined()) return config;
  Params params(node, "FrozenCLIPEmbedder's text_config");
  config.vocab_size = params.integer("vocab_size", config.vocab_size);
  config.hidden_size = params.integer("hidden_size", config.hidden_size);
  config.intermediate_size = params.integer("intermediate_size", config.intermediate_size);
  config.num_hidden_layers = params.integer("num_hidden_layers", config.num_hidden_layers);
  config.num_attention_heads = params.integer("num_attention_heads", config.num_attention_heads);
  config.max_position_embeddings = params.integer("max_position_embeddings", config.max_position_embeddings);
  params.finish();
  return config;
}

vae::DdConfig read_ddconfig(const Node& node) {
  Params params(node, "ddconfig");
  vae::DdConfig config{};
  config.ch = params.integer("ch");
  config.out_ch = params.integer("out_ch");
  config.in_channels = params.integer("in_channels");
  config.resolution = params.integer("resolution");
  config.z_channels = params.integer("z_channels");
  config.num_res_blocks = params.integer("num_res_blocks");
  config.ch_mult = params.integers("ch_mult", {1, 2, 4, 8});
  config.attn_resolutions = params.integers("attn_resolutions");
  config.dropout = params.real("dropout", 0);
  config.double_z = params.boolean("double_z", true);
  config.resamp_with_conv = params.boolean("resamp_with_conv", true);
  config.give_pre_end = params.boolean("give_pre_end", false);
  config.tanh_out = params.boolean("tanh_out", false);
  config.attn_type = params.text("attn_type", "vanilla");
  if (params.boolean("use_linear_attn", false)) config.attn_type = "linear";
  config.num_groups = params.integer("num_groups", 32);
  params.finish();
  return config;
}

LambdaWarmUpCosineScheduler2::Options read_cycles(Params& params) {
  LambdaWarmUpCosineScheduler2::Options options;
  options.warm_up_steps = params.integers("warm_up_steps");
  options.f_min = params.reals("f_min");
  options.f_max = params.reals("f_max");
  options.f_start = params.reals("f_start");
  options.cycle_lengths = params.integers("cycle_lengths");
  params.known({"verbosity_interval"});
  return options;
}

}  // namespace

std::shared_ptr<DDPMImpl> build_ddpm(Params& params, const Registry& registry) {
  DDPMOptions options = read_ddpm(params, registry);
  const auto key = params.optional_text("conditioning_key");
  if (key) options.conditioning_key = parse_conditioning_key(*key);
  auto network = instantiate_from_config<DiffusionNetwork>(params.node("unet_config"), registry);
  return std::make_shared<DDPMImpl>(options, std::move(network));
}

std::shared_ptr<DDPMImpl> build_latent_diffusion(Params& params, const Registry& registry) {
  LatentDiffusionOptions options;
  options.ddpm = read_ddpm(params, registry);
  const Node cond_stage = params.node("cond_stage_config");
  const bool unconditional = is_marker(cond_stage, "__is_unconditional__");
  options.first_stage_is_cond_stage = is_marker(cond_stage, "__is_first_stage__");
  options.ddpm.conditioning_key = conditioning_key_of_latent(params, unconditional);
  options.num_timesteps_cond = params.optional_integer("num_timesteps_cond").value_or(1);
  options.cond_stage_key = params.text("cond_stage_key", options.cond_stage_key);
  options.cond_stage_trainable = params.boolean("cond_stage_trainable", false);
  options.scale_factor = params.real("scale_factor", 1.0);
  options.scale_by_std = params.boolean("scale_by_std", false);
  options.ucg_training = read_ucg_training(params.optional_node("ucg_training"));
  if (params.optional_text("cond_stage_forward")) {
    throw std::invalid_argument(
        "expected cond_stage_forward null: no conditioning stage here has other forms");
  }
  auto network = instantiate_from_config<DiffusionNetwork>(params.node("unet_config"), registry);
  auto first_stage = instantiate_from_config<FirstStage>(params.node("first_stage_config"), registry);
  std::shared_ptr<ConditioningStage> conditioner;
  if (!unconditional && !options.first_stage_is_cond_stage) {
    conditioner = instantiate_from_config<ConditioningStage>(cond_stage, registry);
  }
  return std::make_shared<LatentDiffusionImpl>(options, std::move(network), std::move(first_stage),
                                               std::move(conditioner));
}

std::shared_ptr<DiffusionNetwork> build_unet_model(Params& params, const Registry&) {
  UNetModelOptions options{};
  options.in_channels = params.integer("in_channels");
  options.model_channels = params.integer("model_channels");
  options.out_channels = params.integer("out_channels");
  options.num_res_blocks = params.integer("num_res_blocks");
  options.attention_resolutions = params.integers("attention_resolutions");
  options.channel_mult = params.integers("channel_mult", {1, 2, 4, 8});
  options.dropout = params.real("dropout", 0);
  options.conv_resample = params.boolean("conv_resample", true);
  options.num_classes = params.optional_integer("num_classes");
  options.num_heads = params.integer("num_heads", -1);
  options.num_head_channels = params.integer("num_head_channels", -1);
  options.num_heads_upsample = params.integer("num_heads_upsample", -1);
  options.use_scale_shift_norm = params.boolean("use_scale_shift_norm", false);
  options.resblock_updown = params.boolean("resblock_updown", false);
  options.use_new_attention_order = params.boolean("use_new_attention_order", false);
  options.use_spatial_transformer = params.boolean("use_spatial_transformer", false);
  options.transformer_depth = params.integer("transformer_depth", 1);
  options.context_dim = params.optional_integer("context_dim");
  options.n_embed = params.optional_integer("n_embed");
  options.legacy = params.boolean("legacy", true);
  options.num_groups = params.integer("num_groups", 32);
  const std::int64_t dims = params.integer("dims", 2);
  if (dims != 2) throw std::invalid_argument("expected dims 2 (images), got " + std::to_string(dims));
  options.use_checkpoint = params.boolean("use_checkpoint", false);
  params.known({"image_size", "use_fp16"});  // a no-op in the reference
  return std::make_shared<UNetModelImpl>(options);
}

std::shared_ptr<FirstStage> build_autoencoder_kl(Params& params, const Registry& registry) {
  AutoencoderKLOptions options{};
  options.ddconfig = read_ddconfig(params.node("ddconfig"));
  options.embed_dim = params.integer("embed_dim");
  options.loss = instantiate_from_config<Module>(params.node("lossconfig"), registry);
  options.image_key = params.text("image_key", options.image_key);
  params.known({"colorize_nlabels"});
  read_first_weights(params, options);
  options.scheduler = read_scheduler(params, registry);
  return std::make_shared<AutoencoderKLImpl>(options);
}

std::shared_ptr<FirstStage> build_identity_first_stage(Params& params, const Registry&) {
  params.known({"vq_interface"});
  return std::make_shared<IdentityFirstStageImpl>();
}

std::shared_ptr<ConditioningStage> build_frozen_clip_embedder(Params& params, const Registry&) {
  FrozenClipEmbedderOptions options;
  options.text_config = read_text_config(params.optional_node("text_config"));
  options.max_length = params.integer("max_length", 77);
  params.known({"version", "device"});
  return std::make_shared<FrozenCLIPEmbedderImpl>(options);
}

std::shared_ptr<LrScheduler> build_warm_up_cosine_scheduler(Params& params, const Registry&) {
  LambdaWarmUpCosineScheduler::Options options;
  options.warm_up_steps = params.integer("warm_up_steps");
  options.lr_min = params.real("lr_min");
  options.lr_max = params.real("lr_max");
  options.lr_start = params.real("lr_start");
  options.max_decay_steps = params.integer("max_decay_steps");
  params.known({"verbosity_interval"});
  return std::make_shared<LambdaWarmUpCosineScheduler>(options);
}

std::shared_ptr<LrScheduler> build_warm_up_cosine_scheduler2(Params& params, const Registry&) {
  return std::make_shared<LambdaWarmUpCosineScheduler2>(read_cycles(params));
}

std::shared_ptr<LrScheduler> build_linear_scheduler(Params& params, const Registry&) {
  return std::make_shared<LambdaLinearScheduler>(read_cycles(params));
}

std::shared_ptr<Module> build_reconstruction_kl(Params& params, const Registry&) {
  ReconstructionKLOptions options;
  options.l1_weight = params.real("l1_weight", options.l1_weight);
  options.l2_weight = params.real("l2_weight", options.l2_weight);
  options.gradient_weight = params.real("gradient_weight", options.gradient_weight);
  options.kl_weight = params.real("kl_weight", options.kl_weight);
  options.logvar_init = params.real("logvar_init", options.logvar_init);
  const std::string reduction = params.text("reduction", "sum");
  if (reduction != "sum" && reduction != "mean") {
    throw std::invalid_argument("expected reduction sum or mean, got '" + reduction + "'");
  }
  options.mean_over_pixels = reduction == "mean";
  return std::make_shared<ReconstructionKLImpl>(options);
}

std::shared_ptr<Module> build_lpips_with_discriminator(Params& params, const Registry&) {
  ReconstructionKLOptions options;
  params.integer("disc_start");
  options.kl_weight = params.real("kl_weight", 1.0);
  options.logvar_init = params.real("logvar_init", options.logvar_init);
  const bool lpips = params.real("perceptual_weight", 1.0) > 0;
  const bool discriminator = params.real("disc_factor", 1.0) > 0;
  if (lpips) options.missing = "perceptual_weight 0, since LPIPS is not available yet";
  if (discriminator) options.missing = "disc_factor 0, since the discriminator is not available yet";
  params.known({"pixelloss_weight", "disc_num_layers", "disc_in_channels", "disc_weight", "use_actnorm",
                "disc_conditional", "disc_loss"});
  return std::make_shared<ReconstructionKLImpl>(options);
}

std::shared_ptr<Module> build_identity(Params&, const Registry&) {
  return std::make_shared<IdentityImpl>();
}

}  // namespace ldm
