#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ldm/experiments/plan.h"

namespace ldm::experiments {

/// SHA-256 of what a cell reads, as 64 hexadecimal digits; empty where there is nothing to read.
struct InputHashes {
  std::string checkpoint, ema_checkpoint;
  std::string config;  ///< of the config's YAML with the overrides applied
  std::string picture;
};

/// Names cells by everything that decides their pixels: options, the content of their files, threads, kind of
/// device, instructions of the processor, version of the library, and how many pictures share a call of the
/// network. Where a path lies, and what an experiment calls things, does not count.
class CellIdentity {
 public:
  /// `batch` pictures share a call.
  explicit CellIdentity(std::int64_t batch) : batch_(batch) {}

  /// 24 hexadecimal digits. The first cell of a checkpoint waits for its file to be read, unless its hash is
  /// known from before. Throws files::FileError, config::ConfigError.
  std::string key(const Cell& cell);
  /// Of all cells.
  std::vector<std::string> keys(const Plan& plan);
  const InputHashes& hashes(const Cell& cell);

 private:
  const std::string& content_hash(const std::string& path);

  std::int64_t batch_;
  std::map<std::string, std::string> files_;   ///< hashes by path
  std::map<std::string, InputHashes> inputs_;  ///< by all that they depend on
};

}  // namespace ldm::experiments
