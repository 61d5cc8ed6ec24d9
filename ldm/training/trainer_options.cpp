#include "ldm/training/trainer_options.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <sstream>

#include "ldm/config/params.h"

namespace ldm::training {
namespace {

using config::Node;
using config::Params;

/// Accepted because reference configs have them; they change nothing here.
constexpr std::array kIgnored{"benchmark",
                              "num_nodes",
                              "progress_bar_refresh_rate",
                              "weights_summary",
                              "deterministic",
                              "sync_batchnorm",
                              "replace_sampler_ddp",
                              "num_sanity_val_steps",
                              "default_root_dir",
                              "profiler",
                              "flush_logs_every_n_steps",
                              "enable_progress_bar",
                              "accelerator",
                              "enable_model_summary"};

std::int64_t at_least(Params& params, const std::string& key, std::int64_t otherwise, std::int64_t least) {
  const std::int64_t value = params.integer(key, otherwise);
  if (value >= least) return value;
  throw std::invalid_argument("expected " + key + " from " + std::to_string(least) + ", got " +
                              std::to_string(value));
}

std::optional<std::int64_t> optional_count(Params& params, const std::string& key) {
  const auto value = params.optional_integer(key);
  if (!value || *value == -1) return std::nullopt;  // Lightning's "no limit"
  if (*value >= 0) return value;
  throw std::invalid_argument("expected " + key + " from 0, or -1 for no limit, got " +
                              std::to_string(*value));
}

/// Below 1 a share, from 2 on a number. Just 1 could be meant both ways, and YAML's 1 and 1.0 are alike here.
BatchLimit read_limit(Params& params, const std::string& key, bool one_means_all) {
  const Node node = params.optional_node(key);
  BatchLimit limit;
  if (!node.defined()) return limit;
  const double value = node.as_real();
  if (value == 1 && one_means_all) return limit;
  if (value >= 0 && value < 1) {
    limit.share = value;
  } else if (value >= 2) {
    limit.count = node.as_integer();
  } else {
    node.fail("expected a share of the batches below 1 or their number from 2 on; leave it out for all");
  }
  return limit;
}

/// "DD:HH:MM:SS".
double read_seconds(const Node& node) {
  const std::string text = node.as_text();
  std::array<int, 4> parts{};
  char colon = ':';
  std::istringstream stream(text);
  for (std::size_t i = 0; i < parts.size() && stream; ++i) {
    if (i > 0) stream >> colon;
    stream >> parts[i];
    if (colon != ':' || parts[i] < 0) stream.setstate(std::ios::failbit);
  }
  if (!stream || stream.peek() != EOF) node.fail("expected a time DD:HH:MM:SS in quotes, got '" + text + "'");
  return ((parts[0] * 24.0 + parts[1]) * 60 + parts[2]) * 60 + parts[3];
}

c10::Device read_device(const Node& gpus) {
  if (!gpus.defined()) return c10::kCPU;
  std::string text;
  try {
    text = gpus.as_text();
  } catch (const config::ConfigError&) {
    const std::int64_t count = gpus.as_integer();
    if (count == 0) return c10::kCPU;
    if (count == 1) return {c10::kCUDA, 0};
    gpus.fail("expected 0 or 1 GPU (several processes come later), got " + std::to_string(count));
  }
  const std::string number = text.substr(0, text.find(','));
  const bool one = !number.empty() && number.size() <= 3 &&
                   text.find_first_not_of("0123456789,") > text.size() && text.find(',') + 1 >= text.size();
  if (!one) gpus.fail("expected one GPU such as \"0,\" (several processes come later), got '" + text + "'");
  return {c10::kCUDA, static_cast<c10::DeviceIndex>(std::stoi(number))};
}

c10::ScalarType read_precision(const Node& node) {
  if (!node.defined()) return c10::ScalarType::Float;
  std::string text;
  try {
    text = node.as_text();
  } catch (const config::ConfigError&) {
    text = std::to_string(node.as_integer());
  }
  if (text == "32") return c10::ScalarType::Float;
  if (text == "16") return c10::ScalarType::Half;
  if (text == "bf16") return c10::ScalarType::BFloat16;
  node.fail("expected precision 32, 16 or bf16, got '" + text + "'");
}

TrainerOptions read_trainer(const Node& node) {
  Params params(node, "lightning.trainer");
  TrainerOptions options;
  options.max_steps = optional_count(params, "max_steps");
  options.max_epochs = optional_count(params, "max_epochs");
  const Node time = params.optional_node("max_time");
  if (time.defined()) options.max_seconds = read_seconds(time);
  options.accumulate_grad_batches = at_least(params, "accumulate_grad_batches", 1, 1);
  options.gradient_clip_val = params.real("gradient_clip_val", 0);
  const std::string algorithm = params.text("gradient_clip_algorithm", "norm");
  if (algorithm != "norm" && algorithm != "value") {
    throw std::invalid_argument("expected gradient_clip_algorithm norm or value, got '" + algorithm + "'");
  }
  options.clip_by_value = algorithm == "value";
  const Node precision = params.optional_node("precision");
  options.autocast = read_precision(precision);
  options.check_val_every_n_epoch = at_least(params, "check_val_every_n_epoch", 1, 1);
  options.val_check_interval = read_limit(params, "val_check_interval", /*one_means_all=*/true);
  options.limit_train_batches = read_limit(params, "limit_train_batches", false);
  options.limit_val_batches = read_limit(params, "limit_val_batches", false);
  options.limit_test_batches = read_limit(params, "limit_test_batches", false);
  options.log_every_n_steps = at_least(params, "log_every_n_steps", 50, 1);
  options.device = read_device(params.optional_node("gpus"));
  options.channels_last = params.boolean("channels_last", false);
  options.finetune_from = params.text("finetune_from", "");
  options.finetune_ema = params.boolean("finetune_ema", false);
  options.latent_cache = params.text("latent_cache", "");
  for (const char* key : kIgnored) params.known({key});
  params.finish();
  if (options.autocast == c10::ScalarType::Half && !options.device.is_cuda()) {
    precision.fail("expected precision 32 or bf16 on the CPU, got 16, which needs a GPU (gpus: \"0,\")");
  }
  return options;
}

CheckpointOptions read_checkpoint(const Node& node, CheckpointOptions options, const std::string& name) {
  Params params(node, name);
  params.known({"verbose", "dirpath", "save_on_train_epoch_end", "auto_insert_metric_name"});
  options.monitor = params.text("monitor", options.monitor);
  const bool had_monitor = !options.monitor.empty();
  options.save_last = params.boolean("save_last", options.save_last);
  const std::string mode = params.text("mode", "min");
  if (mode != "min" && mode != "max")
    throw std::invalid_argument("expected mode min or max, got '" + mode + "'");
  options.greater_is_better = mode == "max";
  options.save_top_k = at_least(params, "save_top_k", had_monitor ? 3 : options.save_top_k, -1);
  options.filename = params.text("filename", options.filename);
  const auto steps = params.optional_integer("every_n_train_steps");
  if (steps) options.every_n_train_steps = steps;
  if (options.every_n_train_steps && *options.every_n_train_steps < 1) {
    throw std::invalid_argument("expected every_n_train_steps from 1, got " +
                                std::to_string(*options.every_n_train_steps));
  }
  options.every_n_epochs = at_least(params, "every_n_epochs", 1, 1);
  options.save_weights_only = params.boolean("save_weights_only", options.save_weights_only);
  params.finish();
  return options;
}

ImageLogOptions read_images(const Node& node) {
  Params params(node, "main.ImageLogger");
  ImageLogOptions options;
  options.batch_frequency = at_least(params, "batch_frequency", options.batch_frequency, 1);
  options.max_images = at_least(params, "max_images", options.max_images, 0);
  options.clamp = params.boolean("clamp", options.clamp);
  options.rescale = params.boolean("rescale", options.rescale);
  options.increase_log_steps = params.boolean("increase_log_steps", options.increase_log_steps);
  options.disabled = params.boolean("disabled", options.disabled);
  options.log_on_batch_idx = params.boolean("log_on_batch_idx", options.log_on_batch_idx);
  options.log_first_step = params.boolean("log_first_step", options.log_first_step);
  Params images(params.optional_node("log_images_kwargs"), "log_images");
  options.N = at_least(images, "N", options.N, 1);
  options.sample = images.boolean("sample", options.sample);
  options.ddim_steps = at_least(images, "ddim_steps", options.ddim_steps, 1);
  options.ddim_eta = images.real("ddim_eta", options.ddim_eta);
  options.unconditional_guidance_scale =
      images.real("unconditional_guidance_scale", options.unconditional_guidance_scale);
  images.known({"n_row", "inpaint", "plot_denoise_rows", "plot_progressive_rows", "plot_diffusion_rows",
                "quantize_denoised", "return_keys", "use_ema_scope"});
  images.finish();
  params.finish();
  return options;
}

/// The node's `params` for a callback that the config may name again as target.
Node params_of(const Node& callback, const std::string& expected_target) {
  if (!callback.defined() || callback.is_null()) return {};
  if (callback.has("target") && callback.at("target").as_text() != expected_target) {
    callback.at("target").fail("expected " + expected_target + ", got '" + callback.at("target").as_text() +
                               "'");
  }
  return callback.find("params");
}

void read_callbacks(const Node& callbacks, LightningOptions& options) {
  Params params(callbacks, "lightning.callbacks");
  options.images = read_images(params_of(params.optional_node("image_logger"), "main.ImageLogger"));
  const std::string model_checkpoint = "pytorch_lightning.callbacks.ModelCheckpoint";
  const Node steps = params.optional_node("metrics_over_trainsteps_checkpoint");
  if (steps.defined()) {
    CheckpointOptions defaults;
    defaults.save_last = false;
    defaults.save_top_k = -1;
    defaults.filename = "{epoch:06}-{step:09}";
    defaults.every_n_train_steps = 10000;
    defaults.save_weights_only = true;
    options.step_checkpoint = read_checkpoint(params_of(steps, model_checkpoint), defaults, model_checkpoint);
  }
  params.known({"setup_callback", "learning_rate_logger", "cuda_callback", "checkpoint_callback"});
  params.finish();
}

}  // namespace

std::int64_t BatchLimit::of(std::int64_t available) const {
  if (count) return std::min(*count, available);
  return static_cast<std::int64_t>(std::floor(share * static_cast<double>(available)));
}

LightningOptions read_lightning(const Node& lightning, const std::string& default_monitor) {
  Params params(lightning, "lightning");
  LightningOptions options;
  const auto read = [&](const char* key, const auto& reader) {
    const Node node = params.optional_node(key);
    try {
      reader(node);
    } catch (const std::invalid_argument& error) {
      node.fail(error.what());
    }
  };
  read("trainer", [&](const Node& node) { options.trainer = read_trainer(node); });
  read("modelcheckpoint", [&](const Node& node) {
    const std::string target = "pytorch_lightning.callbacks.ModelCheckpoint";
    options.checkpoint.monitor = default_monitor;
    options.checkpoint = read_checkpoint(params_of(node, target), options.checkpoint, target);
  });
  read("callbacks", [&](const Node& node) { read_callbacks(node, options); });
  params.known({"logger"});  // the curves go to a CSV file, whichever logger is named
  params.finish();
  return options;
}

const std::vector<std::string>& trainer_option_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all{"max_steps",          "max_epochs",
                                 "max_time",           "accumulate_grad_batches",
                                 "gradient_clip_val",  "gradient_clip_algorithm",
                                 "precision",          "check_val_every_n_epoch",
                                 "val_check_interval", "limit_train_batches",
                                 "limit_val_batches",  "limit_test_batches",
                                 "log_every_n_steps",  "gpus",
                                 "channels_last",      "finetune_from",
                                 "finetune_ema",       "latent_cache"};
    all.insert(all.end(), kIgnored.begin(), kIgnored.end());
    return all;
  }();
  return names;
}

}  // namespace ldm::training
