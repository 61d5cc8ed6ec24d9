#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "ldm/models/diffusion/latent_diffusion.h"
#include "ldm/models/diffusion/noise_source.h"
#include "ldm/ops/precision.h"

namespace ldm {

/// NaN or infinity in a result that was computed in float32, so that nothing is left to try.
class NumericError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A model and what it computes in.
struct StageModel {
  std::shared_ptr<LatentDiffusionImpl> model;
  Precision precision = Precision::full;
};

/// Runs the stages of making a picture (text encoding, sampling, decoding, ...) and looks at what each gives:
/// where values are not finite, the stage is run again in float32, since half has a largest value of 65504
/// and what exceeds it turns the picture black.
class FiniteStages {
 public:
  /// Gives the same model with float32 weights; called at most once, when it is first needed.
  using LoadFloat32 = std::function<std::shared_ptr<LatentDiffusionImpl>()>;
  using Warn = std::function<void(const std::string& text)>;
  using Compute = std::function<at::Tensor(const StageModel& with, NoiseSource& noise)>;

  /// `load` is called for half and bf16 alone: the other precisions hold float32 weights already.
  FiniteStages(StageModel model, c10::Device device, LoadFloat32 load);

  /// `compute` with the model, or if its result holds NaN or infinity, `warn` and `compute` in float32 with
  /// the same draws again. An undefined result is handed on. Throws NumericError naming the stage.
  at::Tensor run(const std::string& stage, const Compute& compute, NoiseSource& noise, const Warn& warn);

  const std::shared_ptr<LatentDiffusionImpl>& model() const { return model_.model; }
  c10::Device device() const { return device_; }
  Precision precision() const { return model_.precision; }

 private:
  bool computes_in_float32() const;
  StageModel in_float32();

  StageModel model_;
  c10::Device device_;
  LoadFloat32 load_;
  std::shared_ptr<LatentDiffusionImpl> float32_;
};

/// Hands another source's draws on and remembers them, to give them out once more after `rewind`.
class ReplayedNoise : public NoiseSource {
 public:
  explicit ReplayedNoise(NoiseSource& source) : source_(source) {}
  at::Tensor normal(NoiseUse use, at::IntArrayRef sizes, c10::Device device) override;
  at::Tensor dropout(const at::Tensor& noise, double p) override;
  /// From here on the draws made so far come again, in their order, and new ones after them.
  void rewind() { next_ = 0; }

 private:
  at::Tensor remembered(const std::function<at::Tensor()>& draw);

  NoiseSource& source_;
  std::vector<at::Tensor> draws_;
  std::size_t next_ = 0;
};

}  // namespace ldm
