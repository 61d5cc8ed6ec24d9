#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "ldm/weights/file_hash.h"

namespace ldm::weights {

/// What a kept hash belongs to: a file, and the state of it.
struct FileStamp {
  std::string path;  ///< absolute, without links
  std::uint64_t size = 0;
  std::int64_t mtime = 0;  ///< nanoseconds since 1970

  bool operator==(const FileStamp& other) const {
    return path == other.path && size == other.size && mtime == other.mtime;
  }
};

/// The stamp of a regular file now; none if it cannot be had.
std::optional<FileStamp> stamp_of(const std::string& path);

/// The cache's file by the environment: $XDG_CACHE_HOME/ldm/hashes.json, or that under $HOME/.cache; empty if
/// neither is an absolute path.
std::string hash_cache_path();

/// The hash kept for just this stamp; none if there is none or the cache cannot be read.
std::optional<FileHash> find_hash(const FileStamp& stamp);

/// Keeps a hash. Replaces the cache's file as a whole, so that a reader never meets half of it; a damaged one
/// is begun anew. Throws files::FileError if it cannot be written.
void keep_hash(const FileStamp& stamp, const FileHash& hash);

}  // namespace ldm::weights
