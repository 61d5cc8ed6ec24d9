#include "ldm/registry.h"

#include "ldm/builders.h"

namespace ldm {

Registry default_registry() {
  Registry registry;
  registry.add<DDPMImpl>("ldm.models.diffusion.ddpm.DDPM", build_ddpm);
  registry.add<DDPMImpl>("ldm.models.diffusion.ddpm.LatentDiffusion", build_latent_diffusion);
  registry.add<DiffusionNetwork>("ldm.modules.diffusionmodules.openaimodel.UNetModel", build_unet_model);
  registry.add<FirstStage>("ldm.models.autoencoder.AutoencoderKL", build_autoencoder_kl);
  registry.add<FirstStage>("ldm.models.autoencoder.IdentityFirstStage", build_identity_first_stage);
  registry.add<ConditioningStage>("ldm.modules.encoders.modules.FrozenCLIPEmbedder",
                                  build_frozen_clip_embedder);
  registry.add<LrScheduler>("ldm.lr_scheduler.LambdaWarmUpCosineScheduler", build_warm_up_cosine_scheduler);
  registry.add<LrScheduler>("ldm.lr_scheduler.LambdaWarmUpCosineScheduler2", build_warm_up_cosine_scheduler2);
  registry.add<LrScheduler>("ldm.lr_scheduler.LambdaLinearScheduler", build_linear_scheduler);
  registry.add<Module>("ldm.modules.losses.ReconstructionKL", build_reconstruction_kl);
  registry.add<Module>("ldm.modules.losses.LPIPSWithDiscriminator", build_lpips_with_discriminator);
  registry.add<Module>("torch.nn.Identity", build_identity);
  return registry;
}

}  // namespace ldm
