#include "ldm/weights/network_structure.h"

#include <algorithm>
#include <string_view>

#include "ldm/weights/name_text.h"

namespace ldm::weights {
namespace {

using Names = std::vector<std::string>;

constexpr int kMaxNumber = 99;  // no network of this family counts further

/// The number that follows `prefix` in a name; -1 if there is none, or one beyond all sense.
int number_after(std::string_view name, std::string_view prefix) {
  if (!starts_with(name, prefix)) return -1;
  int number = -1;
  for (const char c : name.substr(prefix.size())) {
    if (c < '0' || c > '9') break;
    number = std::max(number, 0) * 10 + (c - '0');
    if (number > kMaxNumber) return -1;
  }
  return number;
}

bool any_starts_with(const Names& names, const std::string& prefix) {
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& name) { return starts_with(name, prefix); });
}

/// The reference counts on: each level has its blocks and then, but for the coarsest, the halving.
NetworkStructure unet_of_reference(const Names& names) {
  const int inputs = count_after(names, "input_blocks.");
  NetworkStructure unet;
  unet.levels = 1;
  for (int i = 0; i < inputs; ++i) {
    if (any_starts_with(names, numbered("input_blocks.", i) + ".0.op.")) ++unet.levels;
  }
  unet.blocks = std::max(0, (inputs - unet.levels) / unet.levels);
  for (int level = 0; level < unet.levels; ++level) {
    const int first = 1 + level * (unet.blocks + 1);
    if (any_starts_with(names, numbered("input_blocks.", first) + ".1.")) unet.attention.insert(level);
  }
  return unet;
}

NetworkStructure unet_of_diffusers(const Names& names) {
  NetworkStructure unet;
  unet.levels = count_after(names, "down_blocks.");
  unet.blocks = count_after(names, "down_blocks.0.resnets.");
  for (int level = 0; level < unet.levels; ++level) {
    if (any_starts_with(names, numbered("down_blocks.", level) + ".attentions."))
      unet.attention.insert(level);
  }
  return unet;
}

/// The decoder has one block more for each level than the encoder; either half may be alone in a file.
NetworkStructure vae(const Names& names, const char* down, const char* up, const char* blocks) {
  NetworkStructure vae;
  vae.levels = std::max(count_after(names, down), count_after(names, up));
  vae.blocks = std::max(
      {1, count_after(names, down + std::string(blocks)), count_after(names, up + std::string(blocks)) - 1});
  return vae;
}

}  // namespace

std::string numbered(const char* name, int number) {
  return name + std::to_string(number);
}

int count_after(const Names& names, const std::string& prefix) {
  int last = -1;
  for (const std::string& name : names) last = std::max(last, number_after(name, prefix));
  return last + 1;
}

NetworkStructure structure_of_reference(Component component, const Names& names) {
  if (component == Component::unet) return unet_of_reference(names);
  if (component == Component::vae) return vae(names, "encoder.down.", "decoder.up.", "0.block.");
  return {};
}

NetworkStructure structure_of_diffusers(Component component, const Names& names) {
  if (component == Component::unet) return unet_of_diffusers(names);
  if (component == Component::vae)
    return vae(names, "encoder.down_blocks.", "decoder.up_blocks.", "0.resnets.");
  return {};
}

}  // namespace ldm::weights
