#include "ldm/parity/comparison.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <sstream>

namespace ldm::parity {
namespace {

constexpr std::int64_t kSummaryValues = 16;
constexpr double kBeyondTolerance = 4;

std::string text_of(at::IntArrayRef sizes) {
  std::ostringstream text;
  text << sizes;
  return text.str();
}

double tolerance_for(const at::Tensor& expected, const Tolerance& tolerance) {
  return expected.scalar_type() == at::kHalf ? std::max(tolerance.stored_half, tolerance.relative)
                                             : tolerance.relative;
}

bool levels_pass(const at::Tensor& actual, const at::Tensor& expected, double max_abs_error,
                 double fraction) {
  const double differing = actual.ne(expected).sum().item<double>();
  return max_abs_error <= 1 && differing <= fraction * static_cast<double>(expected.numel());
}

}  // namespace

TensorResult compare_tensors(const std::string& name, const at::Tensor& actual, const at::Tensor& expected,
                             const Tolerance& tolerance) {
  TensorResult result;
  result.name = name;
  if (actual.sizes() != expected.sizes()) {
    result.note = "expected shape " + text_of(expected.sizes()) + ", got " + text_of(actual.sizes());
    return result;
  }
  const at::Tensor a = actual.detach().to(at::kCPU, at::kDouble), b = expected.to(at::kCPU, at::kDouble);
  if (a.numel() == 0) {
    result.passed = true;
    return result;
  }
  const double norm = b.norm().item<double>();
  result.max_abs_error = (a - b).abs().max().item<double>();
  result.relative_error = (a - b).norm().item<double>() / (norm > 0 ? norm : 1.0);
  if (expected.scalar_type() == at::kByte) {
    result.passed = levels_pass(a, b, result.max_abs_error, tolerance.u8_fraction);
  } else if (expected.is_floating_point()) {
    result.passed = result.relative_error <= tolerance_for(expected, tolerance);  // false for NaN
  } else {
    result.passed = result.max_abs_error == 0;
  }
  return result;
}

at::Tensor perturbed(const at::Tensor& expected, const Tolerance& tolerance) {
  at::Tensor moved = expected.to(at::kCPU, at::kDouble).clone();
  if (moved.numel() == 0) return moved;
  at::Tensor flat = moved.view(-1);
  if (expected.scalar_type() == at::kByte) {
    const auto count = static_cast<std::int64_t>(kBeyondTolerance * tolerance.u8_fraction *
                                                 static_cast<double>(flat.numel()));
    flat.slice(0, 0, count + 1).add_(1);
  } else if (expected.is_floating_point()) {
    const double norm = moved.norm().item<double>();
    flat[0] += kBeyondTolerance * tolerance_for(expected, tolerance) * (norm > 0 ? norm : 1.0);
  } else {
    flat[0] += 1;
  }
  // Back to the type that chooses the tolerance; float16 would round the move away.
  return expected.scalar_type() == at::kHalf ? moved : moved.to(expected.scalar_type());
}

at::Tensor Comparison::input(const std::string& name) {
  used_.insert(name);
  if (!file_.has_tensor(name)) {
    throw std::runtime_error(file_.path() + ": expected the tensor '" + name +
                             "' for this kind of case, got none");
  }
  return file_.tensor(name);
}

void Comparison::compare(const std::string& name, const at::Tensor& actual) {
  compare_with(name, input(name), actual);
}

void Comparison::compare_sampled(const std::string& name, const at::Tensor& actual) {
  Tolerance tolerance = tolerance_;
  tolerance.relative = std::max(tolerance.relative, tolerance.sampled);
  compare_within(name, input(name), actual, tolerance);
}

void Comparison::compare_with(const std::string& name, const at::Tensor& expected, const at::Tensor& actual) {
  compare_within(name, expected, actual, tolerance_);
}

void Comparison::compare_within(const std::string& name, const at::Tensor& expected, const at::Tensor& actual,
                                const Tolerance& tolerance) {
  used_.insert(name);
  results_.push_back(
      compare_tensors(name, actual, selftest_ ? perturbed(expected, tolerance) : expected, tolerance));
}

void Comparison::compare_summary(const std::string& name, const at::Tensor& module_output) {
  // Row-major over [B, C, H, W], whatever the memory format.
  const at::Tensor flat = module_output.detach().to(at::kCPU, at::kFloat).contiguous().view(-1);
  const at::Tensor summary = at::cat(
      {flat.mean().view(1), flat.std().view(1), flat.slice(0, 0, std::min(kSummaryValues, flat.numel()))});
  compare(name, summary);
}

void Comparison::finish() {
  for (const std::string& name : file_.tensor_names()) {
    if (used_.count(name) > 0) continue;
    TensorResult result;
    result.name = name;
    result.note = "in the file, but this kind of case does not compute it";
    results_.push_back(result);
  }
}

bool Comparison::passed() const {
  const auto ok = [](const TensorResult& result) { return result.passed; };
  if (results_.empty()) return false;
  // Under selftest a case is sound only if every single difference was seen.
  return selftest_ ? std::any_of(results_.begin(), results_.end(), ok)
                   : std::all_of(results_.begin(), results_.end(), ok);
}

}  // namespace ldm::parity
