#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ldm/checkpoint/state_dict_parts.h"
#include "ldm/checkpoint/torch_records.h"
#include "ldm/checkpoint/zip_directory.h"

namespace ldm::checkpoint {

/// The storages of a torch zip file: entry ROOT/data/KEY each.
class ZipStorages {
 public:
  /// `root` is the name of the folder with its slash; `path` is for messages.
  ZipStorages(std::shared_ptr<const ZipDirectory> zip, std::string root, std::string path);

  /// The entry of the record's storage, which must have the size that the pickle says. Where it has not, but
  /// has that of as many floating-point numbers of another width, the size decides and changes the record's
  /// type: files exist in which halves lie in a FloatStorage. Throws CheckpointError.
  std::size_t find(TensorRecord& record);
  /// What `find` made of wrong types, for people.
  std::vector<std::string> remarks() const;

 private:
  using Change = std::pair<c10::ScalarType, c10::ScalarType>;

  std::shared_ptr<const ZipDirectory> zip_;
  std::string root_;
  std::string path_;
  std::unordered_map<std::size_t, Change> changes_;  // by entry
};

/// Unpacks compressed storages, each once for as long as somebody holds it; the one asked for last is held
/// here, so that a walk over tensors that share it unpacks it once. Safe to use from several threads.
class UnpackedStorages {
 public:
  explicit UnpackedStorages(std::shared_ptr<const ZipDirectory> zip);
  /// The bytes of an entry, verified. Throws CheckpointError.
  UnpackedStorage get(std::size_t index);

 private:
  std::shared_ptr<const ZipDirectory> zip_;
  std::mutex mutex_;
  std::unordered_map<std::size_t, std::weak_ptr<const std::vector<std::uint8_t>>> held_;
  UnpackedStorage last_;
};

}  // namespace ldm::checkpoint
