#pragma once

#include <memory>

#include "ldm/config/params.h"
#include "ldm/lr_scheduler.h"
#include "ldm/models/diffusion/latent_diffusion.h"
#include "ldm/registry.h"

namespace ldm {

// One function for each target of the registry: reads the keys that the reference's constructor takes, under
// their names and defaults, and builds the object. Keys that change nothing here are marked as known. Each
// throws config::ConfigError for a missing key or a wrong type and std::invalid_argument for refused values.

std::shared_ptr<DDPMImpl> build_ddpm(config::Params& params, const Registry& registry);
std::shared_ptr<DDPMImpl> build_latent_diffusion(config::Params& params, const Registry& registry);
std::shared_ptr<DiffusionNetwork> build_unet_model(config::Params& params, const Registry& registry);
std::shared_ptr<FirstStage> build_autoencoder_kl(config::Params& params, const Registry& registry);
std::shared_ptr<FirstStage> build_identity_first_stage(config::Params& params, const Registry& registry);
std::shared_ptr<ConditioningStage> build_frozen_clip_embedder(config::Params& params,
                                                              const Registry& registry);
std::shared_ptr<LrScheduler> build_warm_up_cosine_scheduler(config::Params& params, const Registry& registry);
std::shared_ptr<LrScheduler> build_warm_up_cosine_scheduler2(config::Params& params,
                                                             const Registry& registry);
std::shared_ptr<LrScheduler> build_linear_scheduler(config::Params& params, const Registry& registry);
std::shared_ptr<Module> build_reconstruction_kl(config::Params& params, const Registry& registry);
std::shared_ptr<Module> build_lpips_with_discriminator(config::Params& params, const Registry& registry);
std::shared_ptr<Module> build_identity(config::Params& params, const Registry& registry);

}  // namespace ldm
