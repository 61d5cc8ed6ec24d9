#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ldm/checkpoint/state_dict.h"

namespace ldm::parity {

/// A golden file: inputs and expected outputs by name, and text metadata that says what to run.
class CaseFile {
 public:
  /// Throws checkpoint::CheckpointError for an unreadable file.
  explicit CaseFile(const std::string& path);

  const std::string& path() const { return state_.path(); }
  /// File name without its folder.
  std::string name() const;
  /// What to run; empty for a file that is no case.
  std::string kind() const { return text("case", ""); }

  bool has(const std::string& key) const { return metadata_.count(key) > 0; }
  std::string text(const std::string& key) const;  ///< throws std::runtime_error when absent
  std::string text(const std::string& key, const std::string& otherwise) const;
  std::int64_t integer(const std::string& key, std::int64_t otherwise) const;
  double real(const std::string& key, double otherwise) const;
  bool boolean(const std::string& key, bool otherwise) const;

  const std::vector<std::string>& tensor_names() const { return state_.names(); }
  bool has_tensor(const std::string& name) const { return state_.contains(name); }
  at::Tensor tensor(const std::string& name) const { return state_.tensor(name).tensor; }

  /// A file that the metadata names: beside the case, or in the project's folders where it begins with
  /// "configs/" or "models/". Throws std::runtime_error when it is in neither, naming the places.
  std::string resolve(const std::string& file) const;

 private:
  checkpoint::StateDict state_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace ldm::parity
