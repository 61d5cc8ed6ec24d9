#include <algorithm>
#include <iterator>
#include <string>
#include <unordered_map>
#include <vector>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/error.h"
#include "ldm/weights/conversion.h"
#include "ldm/weights/sd_keys.h"

namespace ldm::weights {
namespace {

using checkpoint::CheckpointError;
using checkpoint::StateDict;
using checkpoint::TensorAlias;

[[noreturn]] void fail(const StateDict& state, const std::string& what) {
  throw CheckpointError("'" + state.path() + "': " + what);
}

bool is_part(const std::string& name, ModelPart part) {
  return part_of(name) == part;
}

bool has_part(const StateDict& state, ModelPart part) {
  return std::any_of(state.names().begin(), state.names().end(),
                     [part](const std::string& name) { return is_part(name, part); });
}

std::vector<TensorAlias> all_of(const StateDict& state) {
  std::vector<TensorAlias> all;
  for (const std::string& name : state.names()) all.push_back({name, state, name, {}});
  return all;
}

/// Every weight that has an average gets it; averages whose weight is not there stand for themselves.
std::vector<TensorAlias> averages_of(const StateDict& state) {
  const auto keys = keys_of_averages(state.names());
  if (keys.empty()) {
    fail(state,
         "expected averages (model_ema.*) to keep only them, got a file without: its model.* weights "
         "are all it has, and may be averages already");
  }
  std::unordered_map<std::string, std::string> average_of;
  for (const auto& [average, key] : keys) average_of.emplace(key, average);
  std::vector<TensorAlias> chosen;
  for (const std::string& name : state.names()) {
    const auto twin = keys.find(name);
    if (twin != keys.end()) {
      if (!state.contains(twin->second)) chosen.push_back({twin->second, state, name, {}});
      continue;
    }
    const auto average = average_of.find(name);
    if (average == average_of.end()) {
      chosen.push_back({name, state, name, {}});
      continue;
    }
    if (state.info(name).sizes != state.info(average->second).sizes) {
      fail(state, "expected '" + checkpoint::printable(average->second) + "' to have the shape of '" +
                      checkpoint::printable(name) + "', whose average it is, got another");
    }
    chosen.push_back({name, state, average->second, {}});
  }
  return chosen;
}

std::vector<TensorAlias> without_averages(const StateDict& state) {
  if (has_part(state, ModelPart::ema) && !has_part(state, ModelPart::unet)) {
    fail(state,
         "expected trained weights (model.*) beside the averages to be dropped, got none: the averages "
         "are the only weights there; take only them instead");
  }
  std::vector<TensorAlias> rest;
  for (TensorAlias& alias : all_of(state)) {
    if (!is_part(alias.name, ModelPart::ema)) rest.push_back(std::move(alias));
  }
  return rest;
}

std::vector<TensorAlias> treat_averages(const StateDict& state, EmaTreatment ema) {
  if (ema == EmaTreatment::only) return averages_of(state);
  return ema == EmaTreatment::drop ? without_averages(state) : all_of(state);
}

/// The part of a VAE that the model computes with; files of its training hold losses and discriminators too.
bool is_vae_weight(const std::string& name) {
  const std::string prefix(kVaePrefix);
  for (const char* network : {"encoder.", "decoder.", "quant_conv.", "post_quant_conv."}) {
    if (name.compare(0, prefix.size() + std::string(network).size(), prefix + network) == 0) return true;
  }
  return false;
}

/// Throws unless `vae` has every tensor of the model's own VAE, in its shape.
void check_vae(const std::vector<TensorAlias>& model, const StateDict& vae) {
  for (const TensorAlias& alias : model) {
    if (!is_vae_weight(alias.name)) continue;
    if (!vae.contains(alias.name)) {
      fail(vae, "expected a VAE like the model's own, got one without '" + checkpoint::printable(alias.name) +
                    "'");
    }
    if (vae.info(alias.name).sizes != alias.source.info(alias.source_name).sizes) {
      fail(vae, "expected a VAE like the model's own, got '" + checkpoint::printable(alias.name) +
                    "' in another shape");
    }
  }
}

/// The VAE's tensors where the model's own were, or at the end.
std::vector<TensorAlias> replace_vae(std::vector<TensorAlias> model, const StateDict& vae) {
  if (!std::any_of(vae.names().begin(), vae.names().end(), is_vae_weight)) {
    fail(vae, "expected a VAE (encoder.*, decoder.*, or a model that has one), got a file without");
  }
  check_vae(model, vae);
  std::vector<TensorAlias> merged;
  const auto own = std::find_if(model.begin(), model.end(),
                                [](const TensorAlias& alias) { return is_part(alias.name, ModelPart::vae); });
  merged.insert(merged.end(), model.begin(), own);
  for (const std::string& name : vae.names()) {
    if (is_vae_weight(name)) merged.push_back({name, vae, name, {}});
  }
  std::copy_if(own, model.end(), std::back_inserter(merged),
               [](const TensorAlias& alias) { return !is_part(alias.name, ModelPart::vae); });
  return merged;
}

}  // namespace

StateDict select_weights(const StateDict& state, const ConversionOptions& options) {
  std::vector<TensorAlias> chosen = treat_averages(state, options.ema);
  if (options.vae) chosen = replace_vae(std::move(chosen), *options.vae);
  return checkpoint::view_of(state.path(), state.format(), chosen, state.metadata());
}

}  // namespace ldm::weights
