#include "ldm/pipelines/finite_stages.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <utility>

namespace ldm {
namespace {

bool is_finite(const at::Tensor& values) {
  return !values.defined() || at::isfinite(values).all().item<bool>();
}

at::Tensor checked(const std::string& stage, const at::Tensor& result) {
  if (is_finite(result)) return result;
  throw NumericError(stage +
                     ": expected finite numbers, got NaN or infinity in float32; the checkpoint may " +
                     "be damaged, or --scale or --ddim_eta too large");
}

}  // namespace

FiniteStages::FiniteStages(StageModel model, c10::Device device, LoadFloat32 load)
    : model_(std::move(model)), device_(device), load_(std::move(load)) {}

bool FiniteStages::computes_in_float32() const {
  const bool autocast_changes_nothing = model_.precision == Precision::autocast && device_.is_cpu();
  return model_.precision == Precision::full || autocast_changes_nothing;
}

StageModel FiniteStages::in_float32() {
  if (model_.precision == Precision::autocast) return {model_.model, Precision::full};
  if (!float32_) {
    // Weights that are bound in inference mode could not be used outside it.
    const c10::InferenceMode off(false);
    float32_ = load_();
  }
  return {float32_, Precision::full};
}

at::Tensor FiniteStages::run(const std::string& stage, const Compute& compute, NoiseSource& noise,
                             const Warn& warn) {
  if (computes_in_float32()) return checked(stage, compute(model_, noise));
  ReplayedNoise replayed(noise);
  const at::Tensor result = compute(model_, replayed);
  if (is_finite(result)) return result;
  warn(stage + ": NaN or infinity in " + to_string(model_.precision) + "; computing it again in float32");
  replayed.rewind();
  return checked(stage, compute(in_float32(), replayed));
}

at::Tensor ReplayedNoise::remembered(const std::function<at::Tensor()>& draw) {
  // Copied: whoever gets a draw may write to it.
  if (next_ == draws_.size()) draws_.push_back(draw().clone());
  return draws_[next_++].clone();
}

at::Tensor ReplayedNoise::normal(NoiseUse use, at::IntArrayRef sizes, c10::Device device) {
  return remembered([&] { return source_.normal(use, sizes, device); });
}

at::Tensor ReplayedNoise::dropout(const at::Tensor& noise, double p) {
  return remembered([&] { return source_.dropout(noise, p); });
}

}  // namespace ldm
