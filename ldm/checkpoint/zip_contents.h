#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/state_dict_parts.h"
#include "ldm/checkpoint/zip_directory.h"

namespace ldm::checkpoint {

/// The bytes of a zip entry. `unpacked` owns them if they are not those of the file.
struct ZipBytes {
  ByteView view;
  UnpackedStorage unpacked;
};

/// The bytes of an entry, unpacked where they are compressed; their CRC-32 is verified, which reads them all.
/// Throws CheckpointError if they are damaged or not as many as the directory says.
ZipBytes read_zip_entry(const ZipDirectory& zip, std::size_t index);

/// The bytes of a compressed entry, verified likewise.
UnpackedStorage unpack_zip_entry(const ZipDirectory& zip, std::size_t index);

/// Verifies an entry likewise, but keeps nothing: takes a fixed amount of memory. `done` is called with the
/// place and the size of each run of the file's bytes that was read.
void verify_zip_entry(const ZipDirectory& zip, std::size_t index,
                      const std::function<void(std::uint64_t, std::uint64_t)>& done);

}  // namespace ldm::checkpoint
