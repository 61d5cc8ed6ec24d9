#include "ldm/weights/sd_keys.h"

#include <algorithm>
#include <unordered_map>

#include "ldm/weights/name_text.h"
#include "ldm/weights/unet_modules.h"

namespace ldm::weights {
namespace {

constexpr std::string_view kModelPrefix = "model.";
constexpr std::string_view kEmaCounters[] = {"model_ema.decay", "model_ema.num_updates"};

/// The buffers that DDPM.register_schedule makes.
constexpr std::string_view kSchedule[] = {"betas",
                                          "alphas_cumprod",
                                          "alphas_cumprod_prev",
                                          "sqrt_alphas_cumprod",
                                          "sqrt_one_minus_alphas_cumprod",
                                          "log_one_minus_alphas_cumprod",
                                          "sqrt_recip_alphas_cumprod",
                                          "sqrt_recipm1_alphas_cumprod",
                                          "posterior_variance",
                                          "posterior_log_variance_clipped",
                                          "posterior_mean_coef1",
                                          "posterior_mean_coef2",
                                          "lvlb_weights"};

template <std::size_t N>
bool is_one_of(std::string_view name, const std::string_view (&names)[N]) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

}  // namespace

ModelPart part_of(std::string_view name) {
  if (starts_with(name, kUnetPrefix)) return ModelPart::unet;
  if (starts_with(name, kVaePrefix)) return ModelPart::vae;
  if (starts_with(name, kTextEncoderPrefix)) return ModelPart::text_encoder;
  if (starts_with(name, kEmaPrefix)) return ModelPart::ema;
  return is_one_of(name, kSchedule) ? ModelPart::schedule : ModelPart::other;
}

const char* title_of(ModelPart part) {
  switch (part) {
    case ModelPart::text_encoder:
      return "text encoder";
    case ModelPart::unet:
      return "UNet";
    case ModelPart::vae:
      return "VAE";
    case ModelPart::ema:
      return "EMA";
    case ModelPart::schedule:
      return "schedule";
    case ModelPart::other:
      break;
  }
  return "other";
}

std::string ema_name_of(std::string_view key) {
  if (!starts_with(key, kUnetPrefix)) return "";
  std::string name(key.substr(kModelPrefix.size()));
  name.erase(std::remove(name.begin(), name.end(), '.'), name.end());
  return std::string(kEmaPrefix) + name;
}

bool is_average(std::string_view name) {
  return starts_with(name, kEmaPrefix) && !is_one_of(name, kEmaCounters);
}

std::map<std::string, std::string> keys_of_averages(const std::vector<std::string>& names) {
  std::unordered_map<std::string, std::string> trained;
  for (const std::string& name : names) {
    if (part_of(name) == ModelPart::unet) trained.emplace(ema_name_of(name), name);
  }
  std::map<std::string, std::string> keys;
  std::vector<std::string> alone;
  for (const std::string& name : names) {
    if (!is_average(name)) continue;
    const auto twin = trained.find(name);
    twin == trained.end() ? alone.push_back(name) : void(keys.emplace(name, twin->second));
  }
  if (alone.empty()) return keys;
  std::unordered_map<std::string, std::string> possible;
  for (const std::string& name : possible_unet_names()) {
    const std::string key = std::string(kUnetPrefix) + name;
    possible.emplace(ema_name_of(key), key);
  }
  for (const std::string& name : alone) {
    const auto key = possible.find(name);
    if (key != possible.end()) keys.emplace(name, key->second);
  }
  return keys;
}

std::string unet_block_of(std::string_view key) {
  if (!starts_with(key, kUnetPrefix)) return "";
  key.remove_prefix(kUnetPrefix.size());
  std::size_t end = key.find('.');
  const std::string_view first = key.substr(0, end);
  if (end != std::string_view::npos && (first == "input_blocks" || first == "output_blocks")) {
    end = key.find('.', end + 1);
  }
  return std::string(key.substr(0, end));
}

}  // namespace ldm::weights
