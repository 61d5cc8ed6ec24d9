#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "ldm/config/config.h"
#include "ldm/cuda/device.h"
#include "ldm/data/generation_parameters.h"
#include "ldm/pipelines/finite_stages.h"
#include "ldm/pipelines/generation.h"
#include "ldm/pipelines/generation_plan.h"
#include "ldm/pipelines/load_model.h"

namespace ldm::cli {

/// Reads img2img's picture: uint8 [H, W, 3]. A function, so that only programs that start from pictures link
/// the library that can.
using ReadPicture = std::function<at::Tensor(const std::string& path)>;

/// One model, loaded when it is first needed, and what is painted with it. Says nothing to anybody.
class ModelSession {
 public:
  /// Chooses the device (before any other call of torch), reads the config and finds the checkpoint: all that
  /// can be wrong without loading weights. Throws what `explain` knows.
  ModelSession(const ModelOptions& options, ReadPicture read_picture);

  /// A run that is ready to begin.
  struct Job {
    GenerationPlan plan;
    at::Tensor image;  ///< img2img's input, as the first stage takes it
  };
  /// Reads the picture, if there is one, and plans. Throws if the run is impossible.
  Job prepare(const GenerationOptions& options) const;
  /// Loads the weights unless they are; gives the report when it did.
  std::optional<LoadReport> load();
  /// Makes the pictures of a job, after loading.
  GenerationResult paint(const GenerationOptions& options, const Job& job, PictureSink& sink,
                         GenerationObserver& observer);
  /// What pictures say of their making, after loading; with the checkpoint's hash if it is known, or if the
  /// options ask for it.
  data::GenerationParameters parameters(const GenerationOptions& options, const GenerationPlan& plan) const;

  const Device& device() const { return device_; }
  const config::Config& config() const { return config_; }
  /// The checkpoint's path as it was found.
  const std::string& checkpoint() const { return checkpoint_; }

 private:
  std::shared_ptr<LatentDiffusionImpl> load_float32() const;
  std::string model_hash() const;

  ModelOptions options_;
  ReadPicture read_picture_;
  Device device_;
  Precision precision_;
  config::Config config_;
  std::string checkpoint_;
  std::shared_ptr<LatentDiffusionImpl> outline_;  ///< the model without weights, until it is loaded
  ModelDimensions dimensions_;
  std::optional<FiniteStages> stages_;
  bool ema_ = false;
};

}  // namespace ldm::cli
