#include "ldm/models/diffusion/sampling_run.h"

#include <ATen/ATen.h>

#include <sstream>
#include <stdexcept>

namespace ldm {
namespace {

template <typename... Parts>
[[noreturn]] void refuse(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  throw std::invalid_argument(text.str());
}

void check_sizes(const SamplingRequest& request) {
  if (request.batch_size < 1) refuse("batch_size: expected at least 1, got ", request.batch_size);
  const at::IntArrayRef shape = request.shape;
  if (shape.size() != 3 || shape[0] < 1 || shape[1] < 1 || shape[2] < 1) {
    refuse("shape: expected [C, h, w], each at least 1, got ", shape);
  }
}

/// Whether `tensor` has `sizes`, or 1 where `may_be_one` allows it.
bool fits(const at::Tensor& tensor, at::IntArrayRef sizes, at::ArrayRef<bool> may_be_one) {
  if (tensor.dim() != static_cast<std::int64_t>(sizes.size())) return false;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const std::int64_t size = tensor.size(static_cast<std::int64_t>(i));
    if (size != sizes[i] && !(may_be_one[i] && size == 1)) return false;
  }
  return true;
}

void check_tensors(const SamplingRequest& request, at::IntArrayRef sizes) {
  if (request.x_T.defined() && request.x_T.sizes() != sizes) {
    refuse("x_T: expected ", sizes, ", got ", request.x_T.sizes());
  }
  if (request.mask.defined() != request.x0.defined()) {
    refuse("mask and x0: expected both or none, got ", request.mask.defined() ? "only mask" : "only x0");
  }
  if (!request.mask.defined()) return;
  if (!fits(request.mask, sizes, {true, true, false, false})) {
    refuse("mask: expected ", sizes, ", rows and channels may be 1, got ", request.mask.sizes());
  }
  if (!fits(request.x0, sizes, {true, false, false, false})) {
    refuse("x0: expected ", sizes, ", rows may be 1, got ", request.x0.sizes());
  }
}

void check_numbers(const SamplingRequest& request) {
  if (!(request.eta >= 0)) refuse("eta: expected at least 0, got ", request.eta);
  if (!(request.temperature >= 0)) refuse("temperature: expected at least 0, got ", request.temperature);
  if (!(request.noise_dropout >= 0 && request.noise_dropout <= 1)) {
    refuse("noise_dropout: expected a probability in [0, 1], got ", request.noise_dropout);
  }
  if (request.log_every_t < 0) refuse("log_every_t: expected at least 0, got ", request.log_every_t);
}

void check_model(const DDPMImpl& model, const SamplingRequest& request) {
  if (request.quantize_x0 && !model.can_quantize_x0()) {
    refuse(
        "quantize_x0: expected a model whose first stage has a codebook (VQ), got one that cannot quantize");
  }
  if (request.score_corrector && model.options().parameterization != Parameterization::eps) {
    refuse("score_corrector: expected a model that predicts eps, got one that predicts ",
           to_string(model.options().parameterization));
  }
}

const SamplingRequest& checked(const DDPMImpl& model, const SamplingRequest& request) {
  check_sizes(request);
  check_tensors(request, {request.batch_size, request.shape[0], request.shape[1], request.shape[2]});
  check_numbers(request);
  check_model(model, request);
  return request;
}

}  // namespace

SamplingRun::SamplingRun(DDPMImpl& model, const SamplingRequest& request, NoiseSource& noise,
                         std::int64_t total_steps, std::int64_t log_every_t)
    : autocast_(model.device(), request.precision),
      model_(model),
      request_(checked(model, request)),
      noise_(noise),
      total_steps_(total_steps),
      log_every_t_(request.log_every_t > 0 ? request.log_every_t : log_every_t),
      denoise_(model, request) {
  if (!request.mask.defined()) return;
  mask_ = request.mask.to(model.device(), at::kFloat);
  x0_ = request.x0.to(model.device(), at::kFloat);
}

std::vector<std::int64_t> SamplingRun::sizes() const {
  return {request_.batch_size, request_.shape[0], request_.shape[1], request_.shape[2]};
}

at::Tensor SamplingRun::start() {
  const at::Tensor x = request_.x_T.defined() ? request_.x_T.to(model_.device(), at::kFloat)
                                              : noise_.normal(NoiseUse::start, sizes(), model_.device());
  result_.x_inter.push_back(x);
  result_.pred_x0.push_back(x);
  return x;
}

at::Tensor SamplingRun::timesteps(std::int64_t timestep) const {
  return at::full({request_.batch_size}, timestep, at::TensorOptions(at::kLong).device(model_.device()));
}

at::Tensor SamplingRun::with_known_part(const at::Tensor& x, const at::Tensor& t) {
  if (!mask_.defined()) return x;
  const at::Tensor noise = noise_.normal(NoiseUse::q_sample, x0_.sizes(), model_.device());
  const at::Tensor known = model_.q_sample(x0_, t, noise);
  return known * mask_ + (1.0 - mask_) * x;
}

at::Tensor SamplingRun::step_noise(const at::Tensor& sigma) {
  const at::Tensor noise =
      sigma * noise_.normal(NoiseUse::step, sizes(), model_.device()) * request_.temperature;
  return request_.noise_dropout > 0 ? noise_.dropout(noise, request_.noise_dropout) : noise;
}

at::Tensor SamplingRun::quantized(const at::Tensor& pred_x0) {
  return request_.quantize_x0 ? model_.quantize_x0(pred_x0) : pred_x0;
}

bool SamplingRun::report(std::int64_t index, double timestep, const at::Tensor& x, const at::Tensor& pred_x0,
                         const at::Tensor& eps) {
  const std::int64_t steps_left = total_steps_ - index - 1;
  if (steps_left % log_every_t_ == 0 || index == 0) {
    result_.x_inter.push_back(x);
    result_.pred_x0.push_back(pred_x0);
  }
  if (!request_.callback) return true;
  const bool go_on = request_.callback({index, total_steps_, timestep, x, pred_x0, eps});
  result_.cancelled = !go_on;
  return go_on;
}

SamplingResult SamplingRun::finish(const at::Tensor& x) {
  result_.samples = x;
  return std::move(result_);
}

}  // namespace ldm
