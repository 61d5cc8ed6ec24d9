#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ldm::weights {

/// The parts of a Stable Diffusion v1 checkpoint's key space, as ldm.models.diffusion.ddpm.LatentDiffusion
/// spells it.
inline constexpr std::string_view kTextEncoderPrefix = "cond_stage_model.";
inline constexpr std::string_view kUnetPrefix = "model.diffusion_model.";
inline constexpr std::string_view kVaePrefix = "first_stage_model.";
inline constexpr std::string_view kEmaPrefix = "model_ema.";

/// The text encoder's table of tokens, [tokens, width].
inline constexpr std::string_view kTokenTable =
    "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight";

/// What a key belongs to. `ema` holds the averages and what LitEma counts with (`decay`, `num_updates`);
/// `schedule` the buffers of the noise schedule (`betas`, `alphas_cumprod`, ...), which follow from a config.
enum class ModelPart { text_encoder, unet, vae, ema, schedule, other };

/// The part that a key of the reference's spelling belongs to.
ModelPart part_of(std::string_view name);

/// "text encoder", "UNet", "VAE", "EMA", "schedule" or "other".
const char* title_of(ModelPart part);

/// The key of the average of a key under `model.`, as LitEma spells it: without the dots behind the prefix.
/// "model.diffusion_model.out.2.bias" -> "model_ema.diffusion_modelout2bias". Empty for keys that have no
/// average.
std::string ema_name_of(std::string_view key);

/// Whether the key is an average, so neither `model_ema.decay` nor `model_ema.num_updates`.
bool is_average(std::string_view name);

/// The other direction of `ema_name_of`: for each average among `names` the key of the weight that it is the
/// average of. LitEma's spelling alone does not tell where the dots were, so the keys under `model.` among
/// `names` are looked through, and for averages without a twin (files of averages only) the names that a UNet
/// of v1's structure can have. Averages of other things are not in the map.
std::map<std::string, std::string> keys_of_averages(const std::vector<std::string>& names);

/// The block of the UNet that a key under `model.diffusion_model.` belongs to, for statistics per block:
/// "input_blocks.1", "middle_block", "output_blocks.11", "time_embed", "out". Empty for other keys.
std::string unet_block_of(std::string_view key);

}  // namespace ldm::weights
