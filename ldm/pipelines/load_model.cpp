#include "ldm/pipelines/load_model.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <iomanip>
#include <set>
#include <sstream>

#include "ldm/checkpoint/mapping_guard.h"
#include "ldm/modules/ema.h"
#include "ldm/modules/packing.h"
#include "ldm/ops/cpu/parallel.h"
#include "ldm/util.h"
#include "ldm/weights/model_family.h"
#include "ldm/weights/open_weights.h"

namespace ldm {
namespace {

constexpr const char* kModelPrefix = "model.";
constexpr const char* kEmaPrefix = "model_ema.";
constexpr std::size_t kNamesInMessage = 5;

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

bool starts_with(const std::string& text, const std::string& prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}

std::string first_names(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kNamesInMessage); ++i) text += "\n  " + names[i];
  if (names.size() > kNamesInMessage)
    text += "\n  and " + std::to_string(names.size() - kNamesInMessage) + " more";
  return text;
}

std::string shape_text(const std::vector<std::int64_t>& sizes) {
  std::ostringstream text;
  text << at::IntArrayRef(sizes);
  return text.str();
}

/// What does not fit, gathered so that one message can tell all of it.
struct Misfits {
  std::vector<std::string> missing, misshaped;

  void check(const checkpoint::StateDict& state) const {
    std::string message;
    if (!missing.empty()) {
      message += "\nmissing from the file (" + std::to_string(missing.size()) + "):" + first_names(missing);
    }
    if (!misshaped.empty()) {
      message += "\nof another shape (" + std::to_string(misshaped.size()) + "):" + first_names(misshaped);
    }
    if (message.empty()) return;
    const weights::ModelFamily family = weights::recognise(state);
    throw LoadError(state.path() + ": expected a checkpoint of the model that the config describes, got " +
                    family.name + ", which does not fit" +
                    (family.fits_v1 || family.advice.empty() ? "; use the config that belongs to it"
                                                             : ": " + family.advice) +
                    message);
  }
};

void check_ema_present(const checkpoint::StateDict& state) {
  const auto& names = state.names();
  // Files with EMA weights only still hold `decay` and `num_updates`.
  const bool present = std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return starts_with(name, std::string(kEmaPrefix) + "diffusion_model");
  });
  if (present) return;
  throw LoadError(
      state.path() +
      ": expected EMA weights (model_ema.*), got a file without them. Its model.* weights can be used "
      "with EMA off (they may be the averages already, in a file made for inference)");
}

/// A parameter or buffer that gets a checkpoint's tensor in another type.
struct Conversion {
  StateEntry entry;
  std::string key;
  c10::ScalarType dtype;
};

/// `from` in another type. Between the two half types by way of float32, in pieces that stay in the cache:
/// ATen has no vectors for that pair, and takes twice as long.
at::Tensor converted(const at::Tensor& from, c10::ScalarType dtype) {
  if (!at::isReducedFloatingType(from.scalar_type()) || !at::isReducedFloatingType(dtype)) {
    return from.to(dtype).contiguous();
  }
  constexpr std::int64_t kPiece = 1 << 16;
  const at::Tensor values = from.reshape({-1});
  const at::Tensor result = at::empty(values.sizes(), values.options().dtype(dtype));
  const at::Tensor wide = at::empty({kPiece}, at::kFloat);
  for (std::int64_t begin = 0; begin < values.numel(); begin += kPiece) {
    const std::int64_t size = std::min(kPiece, values.numel() - begin);
    const at::Tensor piece = wide.narrow(0, 0, size);
    piece.copy_(values.narrow(0, begin, size));
    result.narrow(0, begin, size).copy_(piece);
  }
  return result.view(from.sizes());
}

/// Several at a time: much of it is the kernel's giving and taking of pages.
void convert(const checkpoint::StateDict& state, const std::vector<Conversion>& conversions) {
  std::vector<at::Tensor> results(conversions.size());
  ops::cpu::parallel_tasks(static_cast<std::int64_t>(conversions.size()), [&](std::int64_t task) {
    const at::NoGradGuard no_grad;
    const auto i = static_cast<std::size_t>(task);
    const std::string& key = conversions[i].key;
    state.populate(key);
    results[i] = converted(state.tensor(key).tensor, conversions[i].dtype);
    state.release(key);  // so that the file's pages and the copies are never all there at once
  });
  for (std::size_t i = 0; i < conversions.size(); ++i) conversions[i].entry.bind(results[i]);
}

/// A checkpoint's tensor; it aliases the file where that is possible.
at::Tensor bindable(const checkpoint::StateDict& state, const std::string& key, LoadReport& report) {
  checkpoint::LoadedTensor loaded = state.tensor(key);
  if (!loaded.tensor.is_contiguous()) {
    ++report.copied["strided view"];
    return loaded.tensor.contiguous();
  }
  loaded.copied.empty() ? ++report.bound : ++report.copied[loaded.copied];
  return loaded.tensor;
}

void count_unexpected(const checkpoint::StateDict& state, const std::set<std::string>& used,
                      LoadReport& report) {
  for (const std::string& name : state.names()) {
    if (used.count(name) == 0) ++report.unexpected[name.substr(0, name.find('.'))];
  }
}

/// Makes what stays mapped of the diffusion network ready to be read, packs its layers, and returns the
/// file's pages behind those that were packed.
void prepare_diffusion_network(torch::nn::Module& network, const checkpoint::StateDict& state, bool use_ema,
                               c10::ScalarType weight_dtype) {
  const auto key = [&](const std::string& name) {
    return checkpoint_key({kModelPrefix + name, {}, /*is_parameter=*/true, {}}, use_ema);
  };
  const auto populate = [&](const std::string& name) {
    const bool is_mapped = state.contains(key(name)) && state.info(key(name)).dtype == weight_dtype;
    if (is_mapped) state.populate(key(name));
  };
  pack_layers(network, populate, [&](const std::string& name) { state.release(key(name)); });
}

}  // namespace

EmaChoice parse_ema_choice(const std::string& text) {
  if (text == "config") return EmaChoice::config;
  if (text == "on") return EmaChoice::on;
  if (text == "off") return EmaChoice::off;
  throw std::invalid_argument("expected EMA choice config, on or off, got '" + text + "'");
}

std::string checkpoint_key(const StateEntry& entry, bool use_ema) {
  if (!use_ema || !entry.is_parameter || !starts_with(entry.name, kModelPrefix)) return entry.name;
  return kEmaPrefix + LitEmaImpl::shadow_name(entry.name.substr(std::string(kModelPrefix).size()));
}

std::string LoadReport::summary() const {
  std::ostringstream text;
  text << path << " (" << format << "), " << (uses_ema ? "EMA" : "non-EMA") << " weights\n"
       << bound << " tensors mapped";
  for (const auto& [reason, count] : copied) text << ", " << count << " copied (" << reason << ")";
  text << '\n';
  if (!computed.empty()) text << computed.size() << " computed, not in the file\n";
  if (!unexpected.empty()) {
    text << "not used:";
    for (const auto& [prefix, count] : unexpected) text << ' ' << prefix << " (" << count << ')';
    text << '\n';
  }
  for (const std::string& remark : remarks) text << "note: " << remark << '\n';
  text << std::fixed << std::setprecision(3) << "read " << read_seconds << " s, convert " << convert_seconds
       << " s, upload " << upload_seconds << " s";
  return text.str();
}

bool config_uses_ema(const config::Config& config) {
  const config::Node model = config.root().at("model");
  if (!model.has("params") || !model.at("params").has("use_ema")) return true;
  return model.at("params").at("use_ema").as_boolean();
}

std::shared_ptr<LatentDiffusionImpl> build_inference_model(config::Config config, const Registry& registry) {
  config.root().at("model").at("target");  // a config without a model is told by its own file and line
  config.apply_overrides({"model.params.use_ema=false"});
  const config::Node node = config.root().at("model");
  const at::NoGradGuard no_grad;
  auto model =
      std::dynamic_pointer_cast<LatentDiffusionImpl>(instantiate_from_config<DDPMImpl>(node, registry));
  if (!model) node.at("target").fail("expected a LatentDiffusion, got a model without a first stage");
  model->eval();
  return model;
}

LoadReport bind_checkpoint(torch::nn::Module& module, const checkpoint::StateDict& state, bool use_ema,
                           c10::ScalarType weight_dtype) {
  if (use_ema) check_ema_present(state);
  const at::NoGradGuard no_grad;
  const Stopwatch stopwatch;
  LoadReport report;
  report.path = state.path();
  report.format = state.format();
  report.uses_ema = use_ema;
  report.remarks = state.notes().remarks;
  Misfits misfits;
  std::set<std::string> used;
  std::vector<Conversion> conversions;
  for (const StateEntry& entry : state_of(module)) {
    const std::string key = checkpoint_key(entry, use_ema);
    if (use_ema) used.insert(entry.name);  // its trained twin is no surprise
    if (!state.contains(key)) {
      const bool is_computed = !entry.is_parameter && !starts_with(entry.name, kEmaPrefix);
      (is_computed ? report.computed : misfits.missing).push_back(key);
      continue;
    }
    used.insert(key);
    const checkpoint::TensorInfo& stored = state.info(key);
    if (at::IntArrayRef(stored.sizes) != entry.tensor.sizes()) {
      misfits.misshaped.push_back(key + ": expected " + shape_text(entry.tensor.sizes().vec()) + ", got " +
                                  shape_text(stored.sizes));
      continue;
    }
    const c10::ScalarType dtype = entry.is_parameter ? weight_dtype : entry.tensor.scalar_type();
    if (stored.dtype == dtype) {
      entry.bind(bindable(state, key, report));
    } else {
      ++report.copied[std::string("converted from ") + c10::toString(stored.dtype)];
      conversions.push_back({entry, key, dtype});
    }
  }
  misfits.check(state);
  convert(state, conversions);
  count_unexpected(state, used, report);
  report.convert_seconds = stopwatch.seconds();
  module.eval();
  return report;
}

LoadedModel load_model(const config::Config& config, const std::string& checkpoint_path,
                       const LoadOptions& options) {
  ops::cpu::in_each_thread(checkpoint::use_signal_stack);
  auto model = build_inference_model(config, default_registry());
  const Stopwatch read;
  const checkpoint::StateDict state =
      weights::open_weights(checkpoint_path, {options.mmap, options.ema_path});
  const double read_seconds = read.seconds();
  const bool use_ema =
      options.ema == EmaChoice::config ? config_uses_ema(config) : options.ema == EmaChoice::on;
  LoadedModel loaded{model, bind_checkpoint(*model, state, use_ema, weight_type(options.precision))};
  loaded.report.read_seconds = read_seconds;
  if (!options.device.is_cpu()) {
    const Stopwatch upload;
    model->to(options.device);
    loaded.report.upload_seconds = upload.seconds();
  } else if (options.pack) {
    DiffusionWrapperImpl& network = *model->model();
    network.prepare_with([&network, state, use_ema, dtype = weight_type(options.precision)] {
      prepare_diffusion_network(network, state, use_ema, dtype);
    });
  }
  return loaded;
}

}  // namespace ldm
