#include "ldm/experiments/metric_set.h"

#include <algorithm>

#include "ldm/checkpoint/open_checkpoint.h"
#include "ldm/data/png.h"
#include "ldm/experiments/image_metrics.h"
#include "ldm/files/output_folder.h"

namespace ldm::experiments {
namespace {

at::Tensor pixels_of(const Results& results, const Record& record) {
  return data::read_png(files::join(results.folder, record.picture)).pixels;
}

at::Tensor latents_of(const Results& results, const Record& record) {
  const std::string path = files::join(results.folder, record.latents);
  return checkpoint::open_checkpoint(path, checkpoint::MmapChoice::on).tensor("x").tensor;
}

}  // namespace

MetricSet::MetricSet(const Plan& plan) : plan_(plan), compared_(compared_cells(plan)) {
  if (plan_.experiment.asks_for("demo_recognition")) demo_ = std::make_unique<DemoRecognition>();
}

void MetricSet::measure(Results& results) {
  std::map<std::size_t, const Record*> records;
  for (const Result& result : results.pictures) records.emplace(result.cell, &result.record);
  for (Result& result : results.pictures) {
    const std::string& key = result.record.key;
    auto picture = pictures_.find(key);
    if (picture == pictures_.end()) picture = pictures_.emplace(key, measure_picture(results, result)).first;
    result.metrics = picture->second.metrics;
    const std::optional<std::size_t> other = compared_[result.cell];
    const auto to = other ? records.find(*other) : records.end();
    if (to == records.end()) continue;
    result.compared_to = to->second->key;
    auto pair = pairs_.find({key, result.compared_to});
    if (pair == pairs_.end()) {
      pair =
          pairs_
              .emplace(std::pair(key, result.compared_to), measure_pair(results, result.record, *to->second))
              .first;
    }
    result.metrics.insert(pair->second.metrics.begin(), pair->second.metrics.end());
    result.latent_distances = pair->second.latent_distances;
  }
}

MetricSet::Values MetricSet::measure_picture(const Results& results, const Result& result) const {
  if (!demo_) return {};
  const std::string& prompt = plan_.experiment.prompts[plan_.cells[result.cell].prompt].text;
  return {demo_->measure(pixels_of(results, result.record), prompt), {}};
}

MetricSet::Values MetricSet::measure_pair(const Results& results, const Record& a, const Record& b) const {
  Values values;
  if (a.width == b.width && a.height == b.height) {
    const at::Tensor x = pixels_of(results, a), y = pixels_of(results, b);
    if (plan_.experiment.asks_for("psnr")) values.metrics["psnr"] = psnr(x, y);
    if (plan_.experiment.asks_for("ssim")) values.metrics["ssim"] = ssim(x, y);
    if (plan_.experiment.asks_for("mad")) values.metrics["mad"] = mean_absolute_difference(x, y);
  }
  if (!plan_.experiment.asks_for("latent_distance") || a.latents.empty() || b.latents.empty()) return values;
  const at::Tensor x = latents_of(results, a), y = latents_of(results, b);
  if (x.sizes() != y.sizes()) return values;
  values.latent_distances = relative_distances(x, y);
  if (!values.latent_distances.empty()) values.metrics["latent_distance"] = values.latent_distances.back();
  return values;
}

}  // namespace ldm::experiments
