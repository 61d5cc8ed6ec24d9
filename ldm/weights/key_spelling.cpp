#include "ldm/weights/key_spelling.h"

#include <algorithm>
#include <optional>

#include "ldm/weights/name_text.h"
#include "ldm/weights/sd_keys.h"

namespace ldm::weights {
namespace {

using checkpoint::StateDict;
using checkpoint::TensorAlias;
using Names = std::vector<std::string>;

/// What programs put before all names: a dictionary that was flattened, a module of PyTorch's DataParallel.
constexpr std::string_view kWrappers[] = {"state_dict.", "module."};
/// What stands before a network's names where several networks in diffusers' spelling share a file.
constexpr std::string_view kGroups[] = {"text_encoder.", "unet.", "vae."};

constexpr std::string_view kTransformer = "cond_stage_model.transformer.";
constexpr std::string_view kTextModules[] = {"embeddings.", "encoder.", "final_layer_norm."};
constexpr std::string_view kUnet = "diffusion_model.";
constexpr std::string_view kModel = "model.";

bool any_starts_with(const Names& names, std::string_view prefix) {
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& name) { return starts_with(name, prefix); });
}

bool all_start_with(const Names& names, std::string_view prefix) {
  return std::all_of(names.begin(), names.end(),
                     [&](const std::string& name) { return starts_with(name, prefix); });
}

bool has(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Which network the names are of, in diffusers' spelling.
std::optional<Component> diffusers_component(const Names& names) {
  if (has(names, "conv_in.weight") && any_starts_with(names, "down_blocks.") &&
      any_starts_with(names, "up_blocks.")) {
    return Component::unet;
  }
  if (any_starts_with(names, "encoder.down_blocks.") || any_starts_with(names, "decoder.up_blocks.")) {
    return Component::vae;
  }
  if (any_starts_with(names, "text_model.encoder.layers.") ||
      (any_starts_with(names, "embeddings.token_embedding.") && any_starts_with(names, "encoder.layers."))) {
    return Component::text_encoder;
  }
  return std::nullopt;
}

/// Which network the names are of, in the reference's spelling without prefix.
std::optional<Component> reference_component(const Names& names) {
  if (has(names, "input_blocks.0.0.weight") && any_starts_with(names, "output_blocks.")) {
    return Component::unet;
  }
  if (any_starts_with(names, "encoder.down.0.block.") || any_starts_with(names, "decoder.up.0.block.")) {
    return Component::vae;
  }
  if (any_starts_with(names, "transformer.text_model.")) return Component::text_encoder;
  return std::nullopt;
}

/// Keys for the names of a single network; empty if they are none.
Names keys_of_bare(const Names& names) {
  if (const auto component = diffusers_component(names)) return keys_of_component(*component, names);
  const auto component = reference_component(names);
  if (!component) return {};
  Names keys;
  for (const std::string& name : names) keys.push_back(std::string(prefix_of(*component)) + name);
  return keys;
}

/// Renames the network whose names follow `group`, if there is one.
void respell_group(Names& keys, std::string_view group) {
  std::vector<std::size_t> places;
  Names names;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!starts_with(keys[i], group)) continue;
    places.push_back(i);
    names.push_back(keys[i].substr(group.size()));
  }
  const Names respelled = keys_of_bare(names);
  for (std::size_t i = 0; i < respelled.size(); ++i) keys[places[i]] = respelled[i];
}

/// LitEma leaves out the dots; some programs keep them, or the name of the module around the network.
std::string respell_average(const std::string& key) {
  std::string_view name = std::string_view(key).substr(kEmaPrefix.size());
  if (starts_with(name, kModel)) name.remove_prefix(kModel.size());
  return starts_with(name, kUnet) ? ema_name_of(std::string(kModel).append(name)) : key;
}

std::string respell_key(const std::string& key) {
  if (starts_with(key, kEmaPrefix)) return respell_average(key);
  if (starts_with(key, kUnet)) return std::string(kModel) + key;
  if (!starts_with(key, kTransformer)) return key;
  const std::string rest = key.substr(kTransformer.size());
  const bool lacks_model = std::any_of(std::begin(kTextModules), std::end(kTextModules),
                                       [&](std::string_view module) { return starts_with(rest, module); });
  return lacks_model ? std::string(kTransformer) + "text_model." + rest : key;
}

bool is_spelled_as_reference(const std::string& name) {
  const ModelPart part = part_of(name);
  return (part != ModelPart::other && part != ModelPart::schedule) || starts_with(name, kUnet);
}

/// A key for each name, in the same order.
Names respell(Names keys) {
  for (const std::string_view wrapper : kWrappers) {
    if (!all_start_with(keys, wrapper)) continue;
    for (std::string& key : keys) key.erase(0, wrapper.size());
  }
  for (const std::string_view group : kGroups) respell_group(keys, group);
  if (std::none_of(keys.begin(), keys.end(), is_spelled_as_reference)) respell_group(keys, "");
  for (std::string& key : keys) key = respell_key(key);
  return keys;
}

}  // namespace

Names keys_of_component(Component component, const Names& names) {
  const NameTable table = NameTable::for_diffusers_names(component, names);
  Names keys;
  for (const std::string& name : names) {
    const std::optional<std::string> key = table.to_reference(name);
    if (!key && component != Component::text_encoder) return {};
    keys.push_back(std::string(prefix_of(component)) + (key ? *key : "transformer." + name));
  }
  return keys;
}

TensorAlias alias_of(const StateDict& state, const std::string& name, const std::string& key) {
  TensorAlias alias{key, state, name, {}};
  if (part_of(key) != ModelPart::vae) return alias;
  const std::vector<std::int64_t>& sizes = state.info(name).sizes;
  std::vector<std::int64_t> shaped = shape_in_reference(Component::vae, key, sizes);
  if (shaped != sizes) alias.sizes = std::move(shaped);
  return alias;
}

StateDict in_reference_spelling(const StateDict& state) {
  const Names keys = respell(state.names());
  if (keys == state.names()) return state;
  std::vector<TensorAlias> aliases;
  for (std::size_t i = 0; i < keys.size(); ++i) aliases.push_back(alias_of(state, state.names()[i], keys[i]));
  return view_of(state.path(), state.format(), aliases, state.metadata());
}

}  // namespace ldm::weights
