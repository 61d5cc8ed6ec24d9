#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <string_view>

#include "ldm/experiments/results.h"

namespace ldm::experiments {

/// Where an experiment's pictures lie: FOLDER/images/KEY.png, FOLDER/latents/KEY.safetensors,
/// FOLDER/records/KEY.json. A picture counts from the moment when its record, the last of the three, has its
/// name; until then nothing of it does.
class ResultFolder {
 public:
  /// Nothing is created or looked at.
  explicit ResultFolder(std::string path) : path_(std::move(path)) {}

  /// Creates what is missing. Throws files::WriteError.
  void create() const;
  /// Removes what processes that were killed left half-written; only while no other process works here.
  void remove_temporaries() const;

  const std::string& path() const { return path_; }
  /// "FOLDER/name".
  std::string file(const std::string& name) const;

  /// The record of a picture that is done. None if there is none, if it is damaged, or if the picture is not
  /// the one it speaks of any more: then it is to be painted again.
  std::optional<Record> find(const std::string& key) const;
  /// Keeps a picture: its PNG, its latents [steps, C, h, w] float32 (undefined: none) and then the record,
  /// whose paths and hash are filled in here and which is given back. Throws files::WriteError.
  Record keep(Record record, std::string_view png, const at::Tensor& latents) const;
  /// Writes a file of the folder, in place of an older one. Throws files::WriteError.
  void write(const std::string& name, std::string_view bytes) const;

 private:
  std::string path_;
};

/// All that is done of a plan, without metrics. `keys`: of each cell.
Results collect(const Plan& plan, const std::vector<std::string>& keys, const ResultFolder& folder);

}  // namespace ldm::experiments
