#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ldm/data/resize.h"
#include "ldm/models/diffusion/latent_diffusion.h"
#include "ldm/pipelines/generation_options.h"
#include "ldm/pipelines/memory_estimate.h"

namespace ldm {

/// A run that would not fit in memory however it is cut up. The message names the options to lower.
class TooLarge : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Everything that a run will do, settled before it begins.
struct GenerationPlan {
  std::string sampler;                            ///< as make_sampler knows it
  std::vector<std::vector<std::string>> batches;  ///< prompts of one pass, batch by batch
  std::int64_t passes = 1;                        ///< n_iter
  /// With per_image_seeds: the seed of each picture, where those are not to be seed, seed + 1, ...; else
  /// empty.
  std::vector<std::uint64_t> seeds;
  std::int64_t steps = 0;          ///< that a batch takes: may differ from ddim_steps
  std::int64_t network_calls = 0;  ///< for a batch
  bool guided = true;              ///< each call with twice the pictures
  data::Size image;
  std::vector<std::int64_t> latent;  ///< [C, h, w]
  std::int64_t rows_per_call =
      0;                  ///< latents in one call of the network: fewer than wanted where memory is short
  MemoryEstimate memory;  ///< with rows_per_call
  std::int64_t memory_available = 0;  ///< 0 where unknown

  std::int64_t images_in_pass() const;
  std::int64_t images() const { return images_in_pass() * passes; }
  std::int64_t total_steps() const { return steps * passes * static_cast<std::int64_t>(batches.size()); }
  /// Latents in a call of the network for the largest batch, were there memory enough.
  std::int64_t rows_wanted() const;
};

/// What a plan is made for.
struct PlanTarget {
  std::shared_ptr<LatentDiffusionImpl> model;  ///< with or without weights
  ModelDimensions dimensions;
  Precision precision = Precision::full;
  c10::Device device = c10::kCPU;
  bool weights_loaded = false;        ///< so that they take no more of what is available
  std::int64_t memory_available = 0;  ///< bytes; 0 where unknown: then everything fits
};

/// The side lengths of the picture that img2img makes of an input: rounded down to multiples of 32, as in the
/// reference. Throws OptionError if nothing is left.
data::Size img2img_size(data::Size input);

/// The plan for options that check_options accepts. `input` is the size of img2img's picture; txt2img does
/// not look at it. Batches that would not fit in memory are to be computed in parts, which changes no random
/// draw.
///
/// Throws OptionError for options that do not suit the model, TooLarge, and as read_prompts.
GenerationPlan make_plan(const GenerationOptions& options, const PlanTarget& target, data::Size input = {});

/// The plan in a few lines for people.
std::string describe(const GenerationPlan& plan);

}  // namespace ldm
