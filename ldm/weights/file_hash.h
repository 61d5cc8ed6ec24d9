#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace ldm::weights {

/// Checksums by which the field names a weights file.
struct FileHash {
  std::string sha256;     ///< of the whole file, 64 lower-case hexadecimal digits
  std::string old_short;  ///< the webui's first: 8 digits of the SHA-256 of 64 KiB from 1 MiB on

  /// The webui's name for the file, as in "Model hash: 81761151": the first 10 digits.
  std::string short_hash() const { return sha256.substr(0, 10); }
};

/// Called now and then with the bytes read and those to read. What it throws ends the reading.
using HashProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

/// Reads the whole file. Throws files::FileError if it is missing, not readable, not a regular file, or
/// changes meanwhile.
FileHash compute_hash(const std::string& path, const HashProgress& progress = {});

/// The hash that was kept for this path, if the file still has the size and the time of then; reads no byte
/// of it. Hashes are kept in $XDG_CACHE_HOME/ldm/hashes.json (~/.cache where that is not set), by absolute
/// path without links. A cache that is missing or damaged holds nothing. Never throws.
std::optional<FileHash> cached_hash(const std::string& path) noexcept;

/// The kept hash, or a computed one, which is then kept. A cache that cannot be written to is no error.
FileHash hash_of(const std::string& path, const HashProgress& progress = {});

}  // namespace ldm::weights
