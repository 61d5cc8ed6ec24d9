#include "ldm/weights/diffusers_names.h"

#include "ldm/weights/name_text.h"
#include "ldm/weights/network_structure.h"
#include "ldm/weights/sd_keys.h"
#include "ldm/weights/unet_modules.h"

namespace ldm::weights {
namespace {

using Pairs = NameTable::Pairs;

/// The parts of the VAE's attention, and older spellings of diffusers'.
constexpr ModuleNames kVaeAttention[] = {
    {"norm", "group_norm"}, {"q", "to_q"}, {"k", "to_k"}, {"v", "to_v"}, {"proj_out", "to_out.0"}};
constexpr ModuleNames kOldVaeAttention[] = {
    {"q", "query"}, {"k", "key"}, {"v", "value"}, {"proj_out", "proj_attn"}};
/// The parts of the VAE's residual block.
constexpr ModuleNames kVaeResBlock[] = {{"norm1", "norm1"},
                                        {"conv1", "conv1"},
                                        {"norm2", "norm2"},
                                        {"conv2", "conv2"},
                                        {"nin_shortcut", "conv_shortcut"}};
constexpr const char* kTextModel = "transformer.text_model";
constexpr const char* kTextModules[] = {"embeddings", "encoder", "final_layer_norm"};

template <std::size_t N>
void add_modules(Pairs& pairs, const ModuleNames (&modules)[N], const std::string& reference,
                 const std::string& diffusers) {
  for (const ModuleNames& module : modules) {
    pairs.emplace_back(reference + "." + module.reference, diffusers + "." + module.diffusers);
  }
}

void add_unet_level_down(Pairs& pairs, const NetworkStructure& unet, int level) {
  const std::string down = numbered("down_blocks.", level);
  int place = 1 + level * (unet.blocks + 1);
  for (int block = 0; block < unet.blocks; ++block, ++place) {
    const std::string input = numbered("input_blocks.", place);
    add_modules(pairs, kUnetResBlock, input + ".0", down + numbered(".resnets.", block));
    if (unet.attention.count(level) != 0)
      pairs.emplace_back(input + ".1", down + numbered(".attentions.", block));
  }
  if (level + 1 < unet.levels)
    pairs.emplace_back(numbered("input_blocks.", place) + ".0.op", down + ".downsamplers.0.conv");
}

void add_unet_level_up(Pairs& pairs, const NetworkStructure& unet, int step) {
  const std::string up = numbered("up_blocks.", step);
  const bool attention = unet.attention.count(unet.levels - 1 - step) != 0;
  int place = step * (unet.blocks + 1);
  for (int block = 0; block <= unet.blocks; ++block, ++place) {
    const std::string output = numbered("output_blocks.", place);
    add_modules(pairs, kUnetResBlock, output + ".0", up + numbered(".resnets.", block));
    if (attention) pairs.emplace_back(output + ".1", up + numbered(".attentions.", block));
  }
  if (step + 1 < unet.levels) {
    const std::string last = numbered("output_blocks.", place - 1);
    pairs.emplace_back(last + (attention ? ".2.conv" : ".1.conv"), up + ".upsamplers.0.conv");
  }
}

Pairs unet_pairs(const NetworkStructure& unet) {
  Pairs pairs;
  for (const ModuleNames& module : kUnetEnds) pairs.emplace_back(module.reference, module.diffusers);
  for (int level = 0; level < unet.levels; ++level) add_unet_level_down(pairs, unet, level);
  add_modules(pairs, kUnetResBlock, "middle_block.0", "mid_block.resnets.0");
  pairs.emplace_back("middle_block.1", "mid_block.attentions.0");
  add_modules(pairs, kUnetResBlock, "middle_block.2", "mid_block.resnets.1");
  for (int step = 0; step < unet.levels; ++step) add_unet_level_up(pairs, unet, step);
  return pairs;
}

/// One half of the VAE. The reference counts the decoder's levels from the finest, diffusers in the order in
/// which they are passed.
void add_vae_half(Pairs& pairs, const NetworkStructure& vae, bool encoder) {
  const std::string half = encoder ? "encoder." : "decoder.";
  for (int level = 0; level < vae.levels; ++level) {
    const std::string reference = half + numbered(encoder ? "down." : "up.", level);
    const std::string diffusers =
        half + (encoder ? numbered("down_blocks.", level) : numbered("up_blocks.", vae.levels - 1 - level));
    for (int block = 0; block <= vae.blocks; ++block) {
      add_modules(pairs, kVaeResBlock, reference + numbered(".block.", block),
                  diffusers + numbered(".resnets.", block));
    }
    pairs.emplace_back(reference + (encoder ? ".downsample.conv" : ".upsample.conv"),
                       diffusers + (encoder ? ".downsamplers.0.conv" : ".upsamplers.0.conv"));
  }
  add_modules(pairs, kVaeResBlock, half + "mid.block_1", half + "mid_block.resnets.0");
  add_modules(pairs, kVaeResBlock, half + "mid.block_2", half + "mid_block.resnets.1");
  add_modules(pairs, kVaeAttention, half + "mid.attn_1", half + "mid_block.attentions.0");
  pairs.emplace_back(half + "conv_in", half + "conv_in");
  pairs.emplace_back(half + "norm_out", half + "conv_norm_out");
  pairs.emplace_back(half + "conv_out", half + "conv_out");
}

Pairs vae_pairs(const NetworkStructure& vae) {
  Pairs pairs{{"quant_conv", "quant_conv"}, {"post_quant_conv", "post_quant_conv"}};
  add_vae_half(pairs, vae, true);
  add_vae_half(pairs, vae, false);
  return pairs;
}

Pairs pairs_of(Component component, const NetworkStructure& network) {
  if (component == Component::unet) return unet_pairs(network);
  if (component == Component::vae) return vae_pairs(network);
  return {{kTextModel, "text_model"}};
}

/// What is read and not written: names of other versions of diffusers and transformers.
Pairs other_spellings(Component component) {
  Pairs pairs;
  if (component == Component::vae) {
    for (const std::string half : {"encoder.", "decoder."})
      add_modules(pairs, kOldVaeAttention, half + "mid.attn_1", half + "mid_block.attentions.0");
  } else if (component == Component::text_encoder) {
    for (const char* module : kTextModules) {
      pairs.emplace_back(std::string(kTextModel) + "." + module, module);
    }
  }
  return pairs;
}

bool is_vae_projection(Component component, std::string_view name) {
  if (component != Component::vae || !contains(name, ".attn_1.") || !ends_with(name, ".weight")) return false;
  return !ends_with(name, ".norm.weight");
}

}  // namespace

const char* folder_of(Component component) {
  switch (component) {
    case Component::unet:
      return "unet";
    case Component::vae:
      return "vae";
    case Component::text_encoder:
      break;
  }
  return "text_encoder";
}

std::string_view prefix_of(Component component) {
  switch (component) {
    case Component::unet:
      return kUnetPrefix;
    case Component::vae:
      return kVaePrefix;
    case Component::text_encoder:
      break;
  }
  return kTextEncoderPrefix;
}

/// Renames the longest run of a name's first words that the table has; the rest follows as it is.
std::optional<std::string> NameTable::rename(const Names& names, const std::string& name) {
  for (std::size_t end = name.size(); end != std::string::npos && end > 0; end = name.rfind('.', end - 1)) {
    const auto found = names.find(name.substr(0, end));
    if (found != names.end()) return found->second + name.substr(end);
  }
  return std::nullopt;
}

NameTable::NameTable(const Pairs& pairs, const Pairs& read_only) {
  for (const auto& [reference, diffusers] : pairs) {
    to_diffusers_.emplace(reference, diffusers);
    to_reference_.emplace(diffusers, reference);
  }
  for (const auto& [reference, diffusers] : read_only) to_reference_.emplace(diffusers, reference);
}

NameTable NameTable::for_reference_names(Component component, const std::vector<std::string>& names) {
  return {pairs_of(component, structure_of_reference(component, names)), other_spellings(component)};
}

NameTable NameTable::for_diffusers_names(Component component, const std::vector<std::string>& names) {
  return {pairs_of(component, structure_of_diffusers(component, names)), other_spellings(component)};
}

std::optional<std::string> NameTable::to_diffusers(const std::string& name) const {
  return rename(to_diffusers_, name);
}

std::optional<std::string> NameTable::to_reference(const std::string& name) const {
  return rename(to_reference_, name);
}

std::vector<std::int64_t> shape_in_reference(Component component, std::string_view name,
                                             const std::vector<std::int64_t>& sizes) {
  if (sizes.size() != 2 || !is_vae_projection(component, name)) return sizes;
  return {sizes[0], sizes[1], 1, 1};
}

std::vector<std::int64_t> shape_in_diffusers(Component component, std::string_view name,
                                             const std::vector<std::int64_t>& sizes) {
  const bool is_pointwise = sizes.size() == 4 && sizes[2] == 1 && sizes[3] == 1;
  if (!is_pointwise || !is_vae_projection(component, name)) return sizes;
  return {sizes[0], sizes[1]};
}

}  // namespace ldm::weights
