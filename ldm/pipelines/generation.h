#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "ldm/models/diffusion/sampler.h"
#include "ldm/pipelines/finite_stages.h"
#include "ldm/pipelines/generation_options.h"
#include "ldm/pipelines/generation_plan.h"

namespace ldm {

/// Which of a run's pictures one is, all counted from 0.
struct PictureInfo {
  std::string prompt;
  std::int64_t index = 0;  ///< in the run
  std::int64_t batch = 0;  ///< of the run
  std::int64_t index_in_batch = 0;
  std::int64_t batch_size = 1;  ///< pictures that it was made together with, itself included
};

/// Takes the pictures of a run as they are done: uint8 [H, W, 3] on the CPU.
class PictureSink {
 public:
  virtual ~PictureSink() = default;
  virtual void picture(const at::Tensor& image_u8, const PictureInfo& info) = 0;
  virtual void grid(const at::Tensor& image_u8) = 0;
  /// The state of a batch after a step, all its pictures in one.
  virtual void preview(const at::Tensor& image_u8) = 0;
};

/// How far a run is: steps over all batches.
struct GenerationProgress {
  std::int64_t batch = 0, batches = 0;
  std::int64_t step = 0, steps = 0;  ///< done in this batch, and in all of it
  std::int64_t done = 0, total = 0;  ///< steps of the whole run
  const char* unit = "batch";        ///< what `batch` counts, for people
};

/// Watches a run, on its thread. The defaults do nothing and let it go on.
class GenerationObserver {
 public:
  virtual ~GenerationObserver() = default;
  /// Right before a batch's first step (step 0: its prompts and its picture are encoded) and after each step.
  /// False ends the run at once: its batch is thrown away.
  virtual bool progress(const GenerationProgress& /*progress*/) { return true; }
  /// After each step, before `progress`: the latents of the batch. A batch that is computed again in float32
  /// begins anew at step 0.
  virtual void step(const SamplingStep& /*step*/) {}
  /// Asked before each batch: true ends the run there, with what is done so far.
  virtual bool wants_to_stop() { return false; }
  /// The end of a prompt that the text encoder does not see. Once for each prompt.
  virtual void truncated(const std::string& /*prompt*/, const std::string& /*unseen*/) {}
  virtual void warning(const std::string& /*text*/) {}
};

struct GenerationResult {
  std::int64_t images = 0;  ///< given to the sink
  bool complete = true;     ///< false for a run that the observer ended
};

/// Makes the pictures of a plan: the reference's scripts from the seed to the last picture, with its order of
/// random draws. Seeds of its own accord; n_iter passes over the batches, each: text encoding, start,
/// sampling, decoding, one picture at a time. At the end the grid of all, unless skip_grid; a run that was
/// stopped early gives the grid of what is done.
///
/// `image` is img2img's input [1, 3, H, W] in [-1, 1]; txt2img takes an undefined one. Throws NumericError,
/// and what the model, the sink and the observer throw.
GenerationResult generate(FiniteStages& stages, const GenerationOptions& options, const GenerationPlan& plan,
                          const at::Tensor& image, PictureSink& sink, GenerationObserver& observer);

}  // namespace ldm
