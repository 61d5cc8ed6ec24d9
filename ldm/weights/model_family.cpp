#include "ldm/weights/model_family.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "ldm/weights/diffusers_names.h"
#include "ldm/weights/family_markers.h"
#include "ldm/weights/name_text.h"
#include "ldm/weights/sd_keys.h"

namespace ldm::weights {
namespace {

using checkpoint::StateDict;
using Names = std::vector<std::string>;

constexpr const char* kV1 = "Stable Diffusion v1";
constexpr const char* kV1Config = "configs/stable-diffusion/v1-inference.yaml";
constexpr const char* kTextModel = "cond_stage_model.transformer.text_model.";
constexpr std::int64_t kV1Width = 320, kV1Context = 768, kV1Latent = 4;

template <typename Predicate>
const std::string* find_name(const Names& names, const Predicate& fits) {
  const auto found = std::find_if(names.begin(), names.end(), fits);
  return found == names.end() ? nullptr : &*found;
}

bool any_contains(const Names& names, std::string_view part) {
  return find_name(names, [&](const std::string& name) { return contains(name, part); }) != nullptr;
}

template <std::size_t N>
std::optional<ModelFamily> find_marker(const Names& names, const FamilyMarker (&markers)[N]) {
  for (const FamilyMarker& marker : markers) {
    if (any_contains(names, marker.part)) return ModelFamily{marker.name, false, "", marker.advice};
  }
  return std::nullopt;
}

/// A size of the first tensor whose name ends in one of `endings`; 0 if there is none.
std::int64_t size_of(const StateDict& state, std::initializer_list<std::string_view> endings,
                     std::size_t dimension) {
  const std::string* name = find_name(state.names(), [&](const std::string& candidate) {
    return std::any_of(endings.begin(), endings.end(),
                       [&](std::string_view ending) { return ends_with(candidate, ending); });
  });
  if (name == nullptr) return 0;
  const std::vector<std::int64_t>& sizes = state.info(*name).sizes;
  return dimension < sizes.size() ? sizes[dimension] : 0;
}

/// What a model's parts are and how large.
struct Parts {
  bool unet = false, averages = false, vae = false, text = false, other_text = false;
  std::int64_t channels = 0;  // that the UNet takes
  std::int64_t width = 0;     // of its first level
  std::int64_t context = 0;   // of its cross-attention
  std::int64_t latent = 0;    // channels of a latent
  std::int64_t hidden = 0;    // width of the text encoder

  bool whole() const { return (unet || averages) && vae && text; }
  bool any() const { return unet || averages || vae || text || other_text; }
};

Parts parts_of(const StateDict& state) {
  Parts parts;
  for (const std::string& name : state.names()) {
    const ModelPart part = part_of(name);
    parts.unet |= part == ModelPart::unet || starts_with(name, "unet.");
    parts.averages |= is_average(name);
    parts.vae |= part == ModelPart::vae || starts_with(name, "vae.");
    const bool is_text = starts_with(name, kTextModel);
    parts.text |= is_text;
    parts.other_text |= part == ModelPart::text_encoder && !is_text;
  }
  const auto first = {std::string_view("model.input_blocks.0.0.weight"),
                      std::string_view("modelinput_blocks00weight"), std::string_view("unet.conv_in.weight")};
  parts.width = size_of(state, first, 0);
  parts.channels = size_of(state, first, 1);
  parts.context = size_of(state, {"attn2.to_k.weight", "attn2to_kweight"}, 1);
  parts.latent = size_of(state, {"decoder.conv_in.weight"}, 1);
  parts.hidden = size_of(state, {"text_model.embeddings.token_embedding.weight"}, 1);
  return parts;
}

/// Whether all names of the UNet are those of v1's structure.
bool unet_has_v1_structure(const Names& names) {
  Names keys = names;
  for (const auto& [average, key] : keys_of_averages(names)) keys.push_back(key);
  Names bare;
  for (const std::string& key : keys) {
    if (starts_with(key, kUnetPrefix)) bare.push_back(key.substr(kUnetPrefix.size()));
  }
  const NameTable table = NameTable::for_reference_names(Component::unet, bare);
  return !bare.empty() && std::all_of(bare.begin(), bare.end(), [&](const std::string& name) {
    return table.to_diffusers(name).has_value();
  });
}

std::optional<ModelFamily> find_larger(const Parts& parts) {
  if (!parts.unet && !parts.averages) return std::nullopt;
  if (parts.context == 1024) return ModelFamily{"Stable Diffusion 2", false, "", kAdviceOther};
  if (parts.context == 2048) return ModelFamily{"SDXL base", false, "", kAdviceOther};
  if (parts.context == 1280) return ModelFamily{"SDXL refiner", false, "", kAdviceOther};
  return std::nullopt;
}

ModelFamily bare_vae(const Parts& parts) {
  if (parts.latent != 0 && parts.latent != kV1Latent) {
    return {"a bare VAE with " + std::to_string(parts.latent) + " latent channels", false, "",
            "It belongs to another model than Stable Diffusion v1, whose latents have 4 channels."};
  }
  return {"a bare VAE", false, "",
          "It is a part of a model: `ckpt convert MODEL OUT --vae FILE` puts it into a whole one."};
}

ModelFamily bare_text_encoder(const Parts& parts) {
  const std::string width = std::to_string(parts.hidden);
  return {"a bare text encoder", false, "",
          parts.hidden == kV1Context
              ? "It is a part of a Stable Diffusion v1 model, without UNet and VAE."
              : "It is " + width + " wide and belongs to another model; Stable Diffusion v1's is 768 wide."};
}

std::string missing_parts(const Parts& parts) {
  std::string missing;
  const auto add = [&](bool present, const char* part) {
    if (!present) missing += (missing.empty() ? "" : " and ") + std::string(part);
  };
  add(parts.text, "text encoder");
  add(parts.unet || parts.averages, "UNet");
  add(parts.vae, "VAE");
  return missing;
}

/// v1 by the channels that its UNet takes: a noisy latent, and what it is conditioned on beside it.
ModelFamily whole_v1(const Parts& parts) {
  ModelFamily family{kV1, true, kV1Config, ""};
  const bool full_size = parts.width == kV1Width && parts.context == kV1Context && parts.hidden == kV1Context;
  if (parts.channels == 9) {
    family = {
        std::string(kV1) + " inpainting", false, "",
        "Its UNet takes a mask and a masked image besides the latent (9 channels); it is no text-to-image "
        "model."};
  } else if (parts.channels == 8) {
    family = {
        "InstructPix2Pix (Stable Diffusion v1)", false, "",
        "Its UNet takes the image to edit besides the latent (8 channels); it is no text-to-image model."};
  } else if (parts.channels != kV1Latent || parts.latent != kV1Latent) {
    family = {"a latent diffusion model of another kind", false, "", kAdviceOther};
  } else if (!full_size) {
    family = {"a model of Stable Diffusion v1's structure, smaller", true, "",
              "Load it with the config that it was made with."};
    if (parts.width > kV1Width) family.name = "a model of Stable Diffusion v1's structure, larger";
  }
  if (family.fits_v1 && !parts.unet)
    family.advice += " Its UNet is there as averages only: load it with EMA on.";
  if (starts_with(family.advice, " ")) family.advice.erase(0, 1);
  return family;
}

ModelFamily of_parts(const StateDict& state, const Parts& parts) {
  if (const auto larger = find_larger(parts)) return *larger;
  const bool has_unet = parts.unet || parts.averages;
  if (!has_unet && !parts.text && !parts.other_text) return bare_vae(parts);
  if (!has_unet && !parts.vae) return bare_text_encoder(parts);
  if ((parts.other_text && !parts.text) || (has_unet && !unet_has_v1_structure(state.names()))) {
    return {"a latent diffusion model of another kind", false, "", kAdviceOther};
  }
  if (parts.whole()) return whole_v1(parts);
  const std::string missing = missing_parts(parts);
  return {std::string(kV1) + " without its " + missing, false, "",
          "The file lacks the " + missing + "; take a file that holds the whole model."};
}

/// A textual inversion without other marks: one or two tensors as wide as a text encoder, and nothing else.
bool is_embedding(const StateDict& state) {
  const Names& names = state.names();
  return !names.empty() && names.size() <= 2 &&
         std::all_of(names.begin(), names.end(), [&](const std::string& name) {
           const std::vector<std::int64_t>& sizes = state.info(name).sizes;
           if (sizes.empty() || sizes.size() > 2) return false;
           return sizes.back() == 768 || sizes.back() == 1024 || sizes.back() == 1280;
         });
}

/// A hypernetwork's layers are named by the widths that they take.
bool is_hypernetwork(const Names& names) {
  return !names.empty() && std::all_of(names.begin(), names.end(), [](const std::string& name) {
    return starts_with(name, "320.") || starts_with(name, "640.") || starts_with(name, "768.") ||
           starts_with(name, "1024.") || starts_with(name, "1280.");
  });
}

}  // namespace

ModelFamily recognise(const StateDict& state) {
  const Names& names = state.names();
  if (const auto family = find_marker(names, kAddOnMarkers)) return *family;
  const Parts parts = parts_of(state);
  if (parts.any()) return of_parts(state, parts);
  if (const auto family = find_marker(names, kUnrelatedMarkers)) return *family;
  if (is_embedding(state)) return {"a textual inversion", false, "", kAdviceAddOn};
  if (is_hypernetwork(names)) return {"a hypernetwork", false, "", kAdviceAddOn};
  return {"no model that is known here", false, "",
          "Its " + std::to_string(names.size()) +
              " tensors have names of no model that is known here; check "
              "that it is the file that was meant."};
}

}  // namespace ldm::weights
