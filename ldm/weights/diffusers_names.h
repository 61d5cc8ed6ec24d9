#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace ldm::weights {

/// The three networks of the model, each a folder of its own in diffusers' layout.
enum class Component { unet, vae, text_encoder };

inline constexpr Component kComponents[] = {Component::text_encoder, Component::unet, Component::vae};

/// The component's folder in diffusers' layout: "unet", "vae" or "text_encoder".
const char* folder_of(Component component);
/// What its keys begin with in the reference's: "model.diffusion_model.", "first_stage_model." or
/// "cond_stage_model.".
std::string_view prefix_of(Component component);

/// Names of one network in both spellings, the reference's (ldm.modules.diffusionmodules) and diffusers'
/// (UNet2DConditionModel, AutoencoderKL, transformers' CLIPTextModel), without the prefixes of `prefix_of`.
///
/// The two lists the same modules in another grouping: diffusers counts levels and the blocks in them, the
/// reference counts on. So the table is made for a number of levels, of residual blocks for each level, and
/// the levels with attention, which are found in the names themselves. It is a list of pairs of modules; what
/// follows a module's name (".weight") is the same in both.
class NameTable {
 public:
  /// The table for the network that has these names in the reference's spelling.
  static NameTable for_reference_names(Component component, const std::vector<std::string>& names);
  /// The same for names in diffusers' spelling.
  static NameTable for_diffusers_names(Component component, const std::vector<std::string>& names);

  /// diffusers' name of a tensor, in its present spelling; none if the network has no such module.
  std::optional<std::string> to_diffusers(const std::string& name) const;
  /// The reference's name. Older spellings of diffusers (`query`, `proj_attn`) and those of transformers 5
  /// (without `text_model.`) are known too.
  std::optional<std::string> to_reference(const std::string& name) const;

  /// Modules in the reference's and in diffusers' spelling.
  using Pairs = std::vector<std::pair<std::string, std::string>>;

 private:
  using Names = std::unordered_map<std::string, std::string>;

  /// `read_only` are further spellings of diffusers'.
  NameTable(const Pairs& pairs, const Pairs& read_only);
  static std::optional<std::string> rename(const Names& names, const std::string& name);

  Names to_diffusers_, to_reference_;
};

/// The shape that a tensor has in the reference, where its shape in diffusers is `sizes`: the projections of
/// the VAE's attention are 1x1 convolutions [C, C, 1, 1] there and linear layers [C, C] in diffusers. `name`
/// is the reference's, without prefix. All other shapes are equal: a UNet with linear projections
/// (`use_linear_in_transformer`) has them in both.
std::vector<std::int64_t> shape_in_reference(Component component, std::string_view name,
                                             const std::vector<std::int64_t>& sizes);
/// The other direction.
std::vector<std::int64_t> shape_in_diffusers(Component component, std::string_view name,
                                             const std::vector<std::int64_t>& sizes);

}  // namespace ldm::weights
