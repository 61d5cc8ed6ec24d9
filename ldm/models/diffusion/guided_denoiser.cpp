#include "ldm/models/diffusion/guided_denoiser.h"

#include <ATen/ATen.h>

#include <sstream>
#include <stdexcept>

namespace ldm {
namespace {

/// The dtype that the network takes: half weights want half inputs.
at::ScalarType network_dtype(Precision precision) {
  if (precision == Precision::half) return at::kHalf;
  return precision == Precision::bf16 ? at::kBFloat16 : at::kFloat;
}

std::vector<at::Tensor> placed(const std::vector<at::Tensor>& tensors, c10::Device device,
                               at::ScalarType dtype) {
  std::vector<at::Tensor> result;
  for (const at::Tensor& tensor : tensors) {
    // Class labels stay integers.
    result.push_back(tensor.is_floating_point() ? tensor.to(device, dtype) : tensor.to(device));
  }
  return result;
}

Conditioning placed(const Conditioning& cond, c10::Device device, at::ScalarType dtype) {
  return {placed(cond.c_concat, device, dtype), placed(cond.c_crossattn, device, dtype)};
}

void expect_rows(const std::vector<at::Tensor>& tensors, std::int64_t batch_size, const char* name) {
  for (const at::Tensor& tensor : tensors) {
    if (tensor.dim() > 0 && tensor.size(0) == batch_size) continue;
    std::ostringstream text;
    text << name << ": expected " << batch_size << " rows (batch_size), got a tensor " << tensor.sizes();
    throw std::invalid_argument(text.str());
  }
}

std::vector<at::Tensor> joined(const std::vector<at::Tensor>& uncond, const std::vector<at::Tensor>& cond) {
  if (uncond.size() != cond.size()) {
    throw std::invalid_argument("unconditional_conditioning: expected " + std::to_string(cond.size()) +
                                " tensors as in conditioning, got " + std::to_string(uncond.size()));
  }
  std::vector<at::Tensor> result;
  for (std::size_t i = 0; i < cond.size(); ++i) {
    if (uncond[i].sizes() != cond[i].sizes()) {
      std::ostringstream text;
      text << "unconditional_conditioning: expected " << cond[i].sizes() << " as in conditioning, got "
           << uncond[i].sizes();
      throw std::invalid_argument(text.str());
    }
    result.push_back(at::cat({uncond[i], cond[i]}));
  }
  return result;
}

}  // namespace

GuidedDenoiser::GuidedDenoiser(DDPMImpl& model, const SamplingRequest& request)
    : model_(model),
      request_(request),
      guides_(request.unconditional_conditioning && request.unconditional_guidance_scale != 1.0),
      cond_(placed(request.conditioning, model.device(), network_dtype(request.precision))),
      joined_(cond_) {
  expect_rows(cond_.c_concat, request.batch_size, "conditioning");
  expect_rows(cond_.c_crossattn, request.batch_size, "conditioning");
  if (!guides_) return;
  const Conditioning uncond =
      placed(*request.unconditional_conditioning, model.device(), network_dtype(request.precision));
  joined_ = {joined(uncond.c_concat, cond_.c_concat), joined(uncond.c_crossattn, cond_.c_crossattn)};
}

at::Tensor GuidedDenoiser::guided(const at::Tensor& x, const at::Tensor& t) {
  const at::Tensor input = x.to(network_dtype(request_.precision));
  if (!guides_) return model_.apply_model(input, t, joined_);
  const at::Tensor output = model_.apply_model(at::cat({input, input}), at::cat({t, t}), joined_);
  const auto halves = output.chunk(2);
  const at::Tensor &e_t_uncond = halves[0], &e_t = halves[1];
  return e_t_uncond + request_.unconditional_guidance_scale * (e_t - e_t_uncond);
}

at::Tensor GuidedDenoiser::operator()(const at::Tensor& x, const at::Tensor& t) {
  const at::Tensor e_t = guided(x, t);
  return request_.score_corrector ? request_.score_corrector(e_t, x, t, cond_) : e_t;
}

}  // namespace ldm
