#include "ldm/training/checkpoint_keeper.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <stdexcept>
#include <utility>

namespace ldm::training {
namespace {

namespace fs = std::filesystem;

/// A field with Python's ":06", ":06d" or ":.2f"; other forms are written as they come.
std::string formatted(double value, const std::string& format) {
  char text[64];
  const std::size_t point = format.find('.');
  if (point != std::string::npos) {
    const int digits = std::clamp(std::atoi(format.c_str() + point + 1), 0, 20);
    std::snprintf(text, sizeof text, "%.*f", digits, value);
  } else if (value == std::floor(value)) {
    std::snprintf(text, sizeof text, "%0*lld", std::clamp(std::atoi(format.c_str()), 0, 20),
                  static_cast<long long>(value));
  } else {
    std::snprintf(text, sizeof text, "%g", value);
  }
  return text;
}

std::string with_underscores(std::string name) {
  std::replace(name.begin(), name.end(), '/', '_');
  return name;
}

double value_of(const std::string& name, std::int64_t epoch, std::int64_t step, const Metrics& metrics) {
  if (name == "epoch") return static_cast<double>(epoch);
  if (name == "step") return static_cast<double>(step);
  const auto metric = metrics.find(name);
  if (metric != metrics.end()) return metric->second;
  throw std::invalid_argument("expected the name of a logged value in a checkpoint's filename, got '" + name +
                              "'");
}

}  // namespace

std::string checkpoint_name(const std::string& pattern, std::int64_t epoch, std::int64_t step,
                            const Metrics& metrics) {
  std::string name;
  std::size_t at = 0;
  while (at < pattern.size()) {
    const std::size_t open = pattern.find('{', at);
    const std::size_t close = open == std::string::npos ? open : pattern.find('}', open);
    if (close == std::string::npos) break;
    const std::string field = pattern.substr(open + 1, close - open - 1);
    const std::size_t colon = field.find(':');
    const std::string key = field.substr(0, colon);
    name += pattern.substr(at, open - at) + with_underscores(key) + '=' +
            formatted(value_of(key, epoch, step, metrics),
                      colon == std::string::npos ? "" : field.substr(colon + 1));
    at = close + 1;
  }
  return name + pattern.substr(at);
}

CheckpointKeeper::CheckpointKeeper(CheckpointOptions options, std::string folder,
                                   std::vector<KeptCheckpoint>& kept, Write write, Warn warn)
    : options_(std::move(options)),
      folder_(std::move(folder)),
      kept_(kept),
      write_(std::move(write)),
      warn_(std::move(warn)) {}

void CheckpointKeeper::on_step(const Progress& progress, const Metrics& latest) {
  if (!options_.every_n_train_steps || progress.global_step % *options_.every_n_train_steps != 0) return;
  save(progress, progress.epoch, latest);
}

void CheckpointKeeper::on_epoch_end(const Progress& progress, std::int64_t epoch, const Metrics& latest) {
  if (options_.every_n_train_steps || (epoch + 1) % options_.every_n_epochs != 0) return;
  save(progress, epoch, latest);
}

void CheckpointKeeper::save_last() {
  write_(folder_ + "/last.ckpt", options_.save_weights_only);
}

bool CheckpointKeeper::is_worse(double a, double b) const {
  return options_.greater_is_better ? a < b : a > b;
}

std::string CheckpointKeeper::free_name(std::string name) const {
  const std::string begin = name;
  for (int version = 1; fs::exists(folder_ + "/" + name + ".ckpt"); ++version) {
    name = begin + "-v" + std::to_string(version);
  }
  return name + ".ckpt";
}

/// The worst by its value; with equal ones the oldest.
void CheckpointKeeper::drop_worst() {
  auto worst = kept_.begin();
  for (auto one = kept_.begin(); one != kept_.end(); ++one) {
    if (is_worse(one->value, worst->value)) worst = one;
  }
  std::error_code ignored;  // somebody may have moved it away
  fs::remove(folder_ + "/" + worst->file, ignored);
  kept_.erase(worst);
}

/// Without a monitor the newest counts: step numbers as values, of which the greatest is best.
std::optional<double> CheckpointKeeper::monitored(const Progress& progress, const Metrics& latest) {
  if (options_.monitor.empty()) {
    return -static_cast<double>(progress.global_step) * (options_.greater_is_better ? -1 : 1);
  }
  const auto metric = latest.find(options_.monitor);
  if (metric != latest.end()) return metric->second;
  if (!std::exchange(warned_, true)) {
    warn_("expected the monitored value '" + options_.monitor +
          "' to be logged, found none (is there validation data?); only last.ckpt is kept");
  }
  return std::nullopt;
}

void CheckpointKeeper::keep(const KeptCheckpoint& added) {
  const std::size_t most = options_.save_top_k < 0 ? std::numeric_limits<std::size_t>::max()
                                                   : static_cast<std::size_t>(options_.save_top_k);
  const bool is_worst = std::all_of(kept_.begin(), kept_.end(), [&](const KeptCheckpoint& other) {
    return is_worse(added.value, other.value);
  });
  if (kept_.size() >= most && is_worst) return;  // it would go at once
  kept_.push_back(added);                        // before it is written: a checkpoint names those kept
  write_(folder_ + "/" + added.file, options_.save_weights_only);
  while (kept_.size() > most) drop_worst();
}

void CheckpointKeeper::save(const Progress& progress, std::int64_t epoch, const Metrics& latest) {
  const std::optional<double> value = monitored(progress, latest);
  if (value && std::isfinite(*value) && options_.save_top_k != 0) {
    keep({free_name(checkpoint_name(options_.filename, epoch, progress.global_step, latest)), *value});
  }
  if (options_.save_last) save_last();
}

}  // namespace ldm::training
