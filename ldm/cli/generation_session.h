#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "ldm/cli/console_reporter.h"
#include "ldm/config/config.h"
#include "ldm/cuda/device.h"
#include "ldm/pipelines/finite_stages.h"
#include "ldm/pipelines/generation_plan.h"
#include "ldm/pipelines/load_model.h"

namespace ldm::cli {

/// Reads img2img's picture: uint8 [H, W, 3]. A function, so that only img2img links the library that can.
using ReadPicture = std::function<at::Tensor(const std::string& path)>;

/// One model and the runs made with it.
class GenerationSession {
 public:
  /// Chooses the device (before any other call of torch), reads the config and finds the checkpoint: all that
  /// can be wrong without loading weights. Throws what `explain` knows.
  GenerationSession(const ModelOptions& options, ReadPicture read_picture, ConsoleReporter& reporter);

  /// Says what a run would do, and throws if it could not.
  void show_plan(const GenerationOptions& options);
  /// One run, its plan and its end told to the reporter. The weights are loaded when the first one needs
  /// them.
  GenerationResult run(const GenerationOptions& options);
  /// What an interactive session begins with: makes sure that the output folder can be written to, and loads
  /// the weights.
  void begin(const GenerationOptions& options);

 private:
  void load();
  struct Job {
    GenerationPlan plan;
    at::Tensor image;  ///< img2img's input, as the first stage takes it
  };
  Job prepare(const GenerationOptions& options);
  std::shared_ptr<LatentDiffusionImpl> load_float32() const;
  /// The short hash of the checkpoint if it is known or asked for, else nothing.
  std::string model_hash() const;
  void say_end(const GenerationResult& result, double seconds);

  ModelOptions options_;
  ReadPicture read_picture_;
  ConsoleReporter& reporter_;
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
