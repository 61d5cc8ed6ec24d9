#pragma once

namespace ldm::weights {

/// A part of a tensor's name that only one kind of model has.
struct FamilyMarker {
  const char* part;
  const char* name;    ///< ModelFamily::name
  const char* advice;  ///< ModelFamily::advice
};

inline constexpr const char* kAdviceOther =
    "Another architecture, which this program does not compute; use a Stable Diffusion v1 model.";
inline constexpr const char* kAdviceLora =
    "It changes a model and is none by itself; a program that merges it into a Stable Diffusion v1 model "
    "gives "
    "a file that loads.";
inline constexpr const char* kAdviceAddOn =
    "It adds to a model and is none by itself; this program has no use for it. Name a Stable Diffusion v1 "
    "model.";

/// What is asked before the parts of a model are looked at, in this order: add-ons share many names with the
/// model they belong to.
inline constexpr FamilyMarker kAddOnMarkers[] = {
    {"lora_unet_", "a LoRA (kohya's names)", kAdviceLora},
    {"lora_te_", "a LoRA (kohya's names)", kAdviceLora},
    {"lora_te1_", "a LoRA (kohya's names)", kAdviceLora},
    {".hada_w1_a", "a LoRA (LyCORIS' names)", kAdviceLora},
    {".lokr_w1", "a LoRA (LyCORIS' names)", kAdviceLora},
    {".lora_A.", "a LoRA (diffusers' names)", kAdviceLora},
    {".lora_down.", "a LoRA (diffusers' names)", kAdviceLora},
    {"lora.down.weight", "a LoRA (diffusers' names)", kAdviceLora},
    {"lora_linear_layer.", "a LoRA (diffusers' names)", kAdviceLora},
    {"emb_params", "a textual inversion", kAdviceAddOn},
    {"string_to_param", "a textual inversion", kAdviceAddOn},
    {"control_model.", "a ControlNet", kAdviceAddOn},
    {"controlnet_", "a ControlNet", kAdviceAddOn},
    {"input_hint_block.", "a ControlNet", kAdviceAddOn},
    {"motion_modules.", "a motion module (AnimateDiff)", kAdviceAddOn},
    {"ip_adapter.", "an IP-Adapter", kAdviceAddOn},
    {"double_blocks.", "Flux", kAdviceOther},
    {"single_transformer_blocks.", "Flux", kAdviceOther},
    {"joint_blocks.", "Stable Diffusion 3", kAdviceOther},
    {".attn.add_k_proj.", "Stable Diffusion 3", kAdviceOther},
    {"adaln_single.", "PixArt", kAdviceOther},
    {".cross_attn.kv_linear.", "PixArt", kAdviceOther},
    {"conditioner.embedders.1.", "SDXL base", kAdviceOther},
    {"conditioner.embedders.0.model.", "SDXL refiner", kAdviceOther},
    {"cond_stage_model.model.transformer.", "Stable Diffusion 2", kAdviceOther}};

/// What is asked when nothing of a Stable Diffusion model was found.
inline constexpr FamilyMarker kUnrelatedMarkers[] = {
    {"exp_avg", "the state of an optimizer",
     "It belongs to a training run and holds no model; the model is another file of that run."},
    {".SelfAttention.", "a T5 language model", kAdviceOther},
    {"lm_head.", "a language model", kAdviceOther},
    {"embed_tokens.", "a language model", kAdviceOther},
    {".attn.c_attn.", "a language model", kAdviceOther},
    {"transformer.wte.", "a language model", kAdviceOther},
    {"bert.encoder.", "a language model", kAdviceOther},
    {".rdb1.", "an upscaler (ESRGAN)", kAdviceOther}};

}  // namespace ldm::weights
