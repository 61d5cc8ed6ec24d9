#include "ldm/weights/verification.h"

#include <ATen/core/Tensor.h>

#include "ldm/checkpoint/error.h"
#include "ldm/weights/tensor_statistics.h"

namespace ldm::weights {
namespace {

using checkpoint::CheckpointError;
using checkpoint::StateDict;

class ContentsCheck {
 public:
  ContentsCheck(const StateDict& state, const VerificationOptions& options)
      : state_(state), options_(options), checks_(state.checks()) {
    for (const checkpoint::FileCheck& check : checks_) total_ += check.bytes;
    for (const std::string& name : state.names()) total_ += size_of(name);
  }

  Verification run() {
    for (const checkpoint::FileCheck& check : checks_) {
      attempt(FindingKind::checksum, check.what, check.run);
      ++result_.checksums;
      advance(check.bytes);
    }
    for (const std::string& name : state_.names()) {
      attempt(FindingKind::unreadable, name, [&] { look_at(name); });
      ++result_.tensors;
      advance(size_of(name));
    }
    return std::move(result_);
  }

 private:
  std::uint64_t size_of(const std::string& name) const {
    return static_cast<std::uint64_t>(state_.info(name).nbytes());
  }

  void advance(std::uint64_t bytes) {
    done_ += bytes;
    if (options_.progress) options_.progress(done_, total_);
  }

  template <typename Action>
  void attempt(FindingKind kind, const std::string& subject, const Action& action) {
    try {
      action();
    } catch (const CheckpointError& error) {
      result_.findings.push_back({kind, subject, error.what()});
    }
  }

  void look_at(const std::string& name) {
    const at::Tensor tensor = state_.tensor(name).tensor;
    if (!tensor.is_floating_point()) return;
    const TensorStatistics statistics = statistics_of(tensor);
    state_.release(name);
    if (statistics.finite()) return;
    result_.findings.push_back({FindingKind::not_finite, name,
                                "expected finite values, got " + std::to_string(statistics.nan) +
                                    " NaN and " + std::to_string(statistics.infinite) + " infinite among " +
                                    std::to_string(statistics.count)});
  }

  const StateDict& state_;
  const VerificationOptions& options_;
  std::vector<checkpoint::FileCheck> checks_;
  Verification result_;
  std::uint64_t done_ = 0, total_ = 0;
};

}  // namespace

const char* name_of(FindingKind kind) {
  switch (kind) {
    case FindingKind::checksum:
      return "checksum";
    case FindingKind::unreadable:
      return "unreadable";
    case FindingKind::not_finite:
      return "not_finite";
    case FindingKind::missing:
      return "missing";
    case FindingKind::unexpected:
      return "unexpected";
    case FindingKind::shape:
      return "shape";
    case FindingKind::type:
      return "type";
    case FindingKind::model:
      break;
  }
  return "model";
}

Verification verify_contents(const StateDict& state, const VerificationOptions& options) {
  return ContentsCheck(state, options).run();
}

}  // namespace ldm::weights
