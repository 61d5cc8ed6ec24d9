#include "tests/weights/small_weights.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>
#include <functional>

#include "ldm/checkpoint/open_checkpoint.h"
#include "ldm/checkpoint/writer.h"
#include "tests/support/files.h"

namespace ldm::testing {
namespace {

at::Tensor counted(std::vector<std::int64_t> sizes, double first) {
  return (at::arange(c10::multiply_integers(sizes), at::kFloat) * 0.25 + first).view(sizes);
}

bool is_average(const std::string& name) {
  return name.compare(0, 25, "model_ema.diffusion_model") == 0;
}

NamedTensors filtered(const std::function<bool(const std::string&)>& keep) {
  NamedTensors kept;
  for (const auto& entry : small_weights()) {
    if (keep(entry.first)) kept.push_back(entry);
  }
  return kept;
}

}  // namespace

NamedTensors small_weights() {
  const at::Tensor in = counted({4, 2}, -1), out = counted({3}, 2);
  return {{"betas", counted({4}, 0.001)},
          {"model.diffusion_model.input_blocks.0.0.weight", in},
          {"model.diffusion_model.out.2.bias", out},
          {"model_ema.decay", at::scalar_tensor(0.9999, at::kFloat)},
          {"model_ema.num_updates", at::scalar_tensor(7, at::kInt)},
          {"model_ema.diffusion_modelinput_blocks00weight", in + 0.5},
          {"model_ema.diffusion_modelout2bias", out + 0.5},
          {"first_stage_model.encoder.conv_in.weight", counted({2, 3}, 5)},
          {"first_stage_model.post_quant_conv.bias", counted({4}, -5)},
          {"cond_stage_model.transformer.text_model.embeddings.position_ids", at::arange(5).view({1, 5})},
          {"cond_stage_model.transformer.text_model.final_layer_norm.weight", counted({6}, 1)}};
}

NamedTensors small_ema_only() {
  return filtered([](const std::string& name) { return !is_average(name); });
}

NamedTensors small_plain() {
  return filtered([](const std::string& name) { return name.compare(0, 10, "model_ema.") != 0; });
}

NamedTensors with(NamedTensors tensors, const std::string& name, const at::Tensor& tensor) {
  for (auto& [key, value] : tensors) {
    if (key != name) continue;
    value = tensor;
    return tensors;
  }
  tensors.emplace_back(name, tensor);
  return tensors;
}

NamedTensors without(NamedTensors tensors, const std::string& name) {
  tensors.erase(
      std::remove_if(tensors.begin(), tensors.end(), [&](const auto& entry) { return entry.first == name; }),
      tensors.end());
  return tensors;
}

std::string write_weights(const NamedTensors& tensors, const checkpoint::NamedScalars& scalars) {
  const std::string path = new_folder() + "/small.ckpt";
  checkpoint::write_ckpt(path, weights::testing::sources_of(tensors), scalars);
  return path;
}

checkpoint::StateDict open_small(const NamedTensors& tensors, const checkpoint::NamedScalars& scalars) {
  return checkpoint::open_checkpoint(write_weights(tensors, scalars));
}

bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  if (a.scalar_type() != b.scalar_type() || a.sizes() != b.sizes()) return false;
  const at::Tensor x = a.contiguous(), y = b.contiguous();
  return x.nbytes() == 0 || std::memcmp(x.const_data_ptr(), y.const_data_ptr(), x.nbytes()) == 0;
}

}  // namespace ldm::testing
