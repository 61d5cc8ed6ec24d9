#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "ldm/checkpoint/state_dict.h"

namespace ldm::weights {

/// What a finding is about: a checksum that does not match, a tensor that cannot be read, values that are NaN
/// or infinite, a tensor that the model needs and the file lacks, one that the model does not know, one of
/// another shape or of another kind of numbers, or a model that nothing is known of.
enum class FindingKind { checksum, unreadable, not_finite, missing, unexpected, shape, type, model };

/// "checksum", "unreadable", "not_finite", "missing", "unexpected", "shape", "type", "model".
const char* name_of(FindingKind kind);

/// Something that is wrong with weights.
struct Finding {
  FindingKind kind;
  std::string subject;  ///< the tensor's name, or the part of the file
  std::string text;     ///< in words, "expected ..., got ..." where that fits
};

struct VerificationOptions {
  /// While the file is read: bytes read and those to read. What it throws passes through.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;
};

/// What was looked at, and what was found.
struct Verification {
  std::int64_t checksums = 0;  ///< that were computed; formats without checksums have none
  std::int64_t tensors = 0;    ///< that were read
  std::vector<Finding> findings;
};

/// Reads all of the file: computes each checksum it carries, and looks for NaN and infinity in every floating
/// point tensor. That offsets and sizes are sound is seen to when a file is opened. Goes on after a finding.
Verification verify_contents(const checkpoint::StateDict& state, const VerificationOptions& options = {});

}  // namespace ldm::weights
