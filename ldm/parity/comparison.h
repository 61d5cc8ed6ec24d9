#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "ldm/parity/case_file.h"

namespace ldm::parity {

/// How far a computed tensor may be from the expected one.
struct Tolerance {
  double relative = 1e-5;     ///< of |a - b| / |b| (Euclidean norms), for one pass of a module
  double sampled = 1e-4;      ///< the same after the many passes of a sampler; at least `relative`
  double stored_half = 5e-4;  ///< the same for tensors stored as float16
  double u8_fraction = 3e-3;  ///< part of an 8-bit image's values that may be off by one level
};

/// One compared tensor.
struct TensorResult {
  std::string name;
  double max_abs_error = 0, relative_error = 0;
  bool passed = false;
  std::string note;  ///< why it failed where numbers do not say it
};

/// Compares what a case computes with what its file expects, and sees to it that nothing is left out: every
/// tensor of the file must be read as an input or compared.
class Comparison {
 public:
  /// With `selftest` every expected tensor is moved by four times its tolerance before it is compared, so
  /// that a sound comparison must find a difference.
  Comparison(const CaseFile& file, Tolerance tolerance, bool selftest)
      : file_(file), tolerance_(tolerance), selftest_(selftest) {}

  /// A tensor of the file that the computation starts from.
  at::Tensor input(const std::string& name);
  /// Compares `actual` with the file's tensor of that name.
  void compare(const std::string& name, const at::Tensor& actual);
  /// The same for what a sampler made: rounding adds up over its steps.
  void compare_sampled(const std::string& name, const at::Tensor& actual);
  /// Compares with an expectation that is derived from the file's tensor `name`.
  void compare_with(const std::string& name, const at::Tensor& expected, const at::Tensor& actual);
  /// Checkpoints "ck.MODULE" of the file: mean, deviation and first 16 values of a module's output.
  void compare_summary(const std::string& name, const at::Tensor& module_output);
  /// Adds a failure for every tensor that was neither read nor compared.
  void finish();

  const std::vector<TensorResult>& results() const { return results_; }
  bool passed() const;
  double relative_tolerance() const { return tolerance_.relative; }

 private:
  void compare_within(const std::string& name, const at::Tensor& expected, const at::Tensor& actual,
                      const Tolerance& tolerance);

  const CaseFile& file_;
  Tolerance tolerance_;
  bool selftest_;
  std::set<std::string> used_;
  std::vector<TensorResult> results_;
};

/// Compares two tensors of one shape; integers must be equal, 8-bit values nearly all.
TensorResult compare_tensors(const std::string& name, const at::Tensor& actual, const at::Tensor& expected,
                             const Tolerance& tolerance);

/// `expected` moved just beyond its tolerance.
at::Tensor perturbed(const at::Tensor& expected, const Tolerance& tolerance);

}  // namespace ldm::parity
