#include "ldm/parity/weight_rule.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>

#include "ldm/modules/state.h"
#include "ldm/pipelines/load_model.h"

namespace ldm::parity {
namespace {

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

std::uint64_t rule_seed(const std::string& key, std::int64_t salt) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char byte : key) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3ULL;
  return (hash & 0x7fffffffffffffffULL) + static_cast<std::uint64_t>(salt);
}

at::Tensor rule_tensor(const std::string& key, at::IntArrayRef sizes, std::int64_t salt) {
  const double s3 = std::sqrt(3.0);
  at::Tensor r = at::empty(sizes, at::kFloat);
  r.uniform_(0, 1, at::make_generator<at::CPUGeneratorImpl>(rule_seed(key, salt))).mul_(2).sub_(1);
  if (sizes.size() < 2) {
    if (ends_with(key, "weight")) return r.mul_(0.1 * s3).add_(1);
    return r.mul_(0.05 * s3);
  }
  if (ends_with(key, "embedding.weight") || ends_with(key, "emb.weight")) return r.mul_(0.5 * s3);
  const double root = std::sqrt(static_cast<double>(r.numel() / r.size(0)));
  const double scale = ends_with(key, "decoder.conv_out.weight") ? 0.5 * s3 : s3;
  return r.mul_(scale / root);
}

void apply_weight_rule(torch::nn::Module& module, std::int64_t salt, bool use_ema) {
  const at::NoGradGuard no_grad;
  for (const StateEntry& entry : parameters_of(module)) {
    entry.bind(rule_tensor(checkpoint_key(entry, use_ema), entry.tensor.sizes(), salt));
  }
}

}  // namespace ldm::parity
