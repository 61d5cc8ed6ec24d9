#include "ldm/experiments/metric_names.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "ldm/pipelines/generation_options.h"

namespace ldm::experiments {
namespace {

constexpr std::array<const char*, 4> kNeedNetworks{"fid", "kid", "clip_score", "lpips"};

}  // namespace

const std::vector<Metric>& metrics() {
  static const std::vector<Metric> table{
      {"psnr", "psnr", "PSNR (dB)", MetricScope::pair, 2},
      {"ssim", "ssim", "SSIM", MetricScope::pair, 4},
      {"mad", "mad", "mean absolute difference (levels of 255)", MetricScope::pair, 3},
      {"latent_distance", "latent_distance", "relative distance of the last latents", MetricScope::pair, 4},
      {"colour_right", "demo_recognition", "background as asked", MetricScope::picture, 3},
      {"object_top1", "demo_recognition", "object recognised, top 1", MetricScope::picture, 3},
      {"object_top5", "demo_recognition", "object recognised, top 5", MetricScope::picture, 3},
      {"ema_weights", "ema_weights", "relative distance of the averaged weights", MetricScope::weights, 4},
  };
  return table;
}

std::vector<std::string> metric_names() {
  std::vector<std::string> names;
  for (const Metric& metric : metrics()) {
    if (std::find(names.begin(), names.end(), metric.asked) == names.end()) names.push_back(metric.asked);
  }
  return names;
}

void check_metric(const std::string& name) {
  if (std::find(kNeedNetworks.begin(), kNeedNetworks.end(), name) != kNeedNetworks.end()) {
    throw NotSupported("the metric '" + name +
                       "' is not available: it needs a network that is not built here yet");
  }
  const std::vector<std::string> known = metric_names();
  if (std::find(known.begin(), known.end(), name) != known.end()) return;
  std::string list;
  for (const std::string& one : known) list += (list.empty() ? "" : ", ") + one;
  throw std::invalid_argument("expected a metric (" + list + "), got '" + name + "'");
}

const Metric& metric(const std::string& name) {
  const auto found =
      std::find_if(metrics().begin(), metrics().end(), [&](const Metric& one) { return one.name == name; });
  if (found == metrics().end()) throw std::invalid_argument("no metric is named '" + name + "'");
  return *found;
}

}  // namespace ldm::experiments
