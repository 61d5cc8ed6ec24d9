#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ldm/checkpoint/state_dict.h"
#include "ldm/checkpoint/writer.h"
#include "tests/support/files.h"

namespace ldm::checkpoint::testing {

using std::string_view_literals::operator""sv;

using ZipContents = std::vector<std::pair<std::string, std::string>>;  // names and bytes

/// Writes bytes to a file of the test's own folder and gives its path.
std::string write_file(const std::string& name, std::string_view bytes);
using ldm::testing::read_file;

/// A well-formed zip file with these entries, CRCs right.
std::string zip_bytes(const ZipContents& contents);
/// An entry of a zip file as its two headers describe it, truly or not.
struct ZipItem {
  std::string name;
  std::string packed;  ///< the bytes in the file
  std::uint32_t size;  ///< once unpacked
  std::uint32_t crc;
  std::uint16_t method;
};
/// A true entry with these bytes, deflated.
ZipItem deflated(const std::string& name, std::string_view bytes);
/// A zip file of such entries.
std::string zip_of_items(const std::vector<ZipItem>& items);
/// A file as torch.save makes it, root folder "x", with this pickle and these storages by key.
std::string torch_bytes(std::string_view pickle, const ZipContents& storages = {});
/// Opcodes that push a text of at most 255 bytes.
std::string text_opcodes(std::string_view text);
/// The pickle of {"state_dict": {"w": tensor}}, with the opcodes of the tensor.
std::string state_dict_pickle(std::string_view tensor);
/// A .safetensors file with this header and this data.
std::string safetensors_bytes(std::string_view header, std::string_view data);

/// The persistent id and the rebuild of a float tensor in storage `key`: opcodes that leave the tensor on the
/// stack. `view` is the opcodes of offset, sizes and strides, `id_end` those of what follows in the id.
std::string tensor_opcodes(std::string_view key, std::uint8_t storage_numel, std::string_view view,
                           std::string_view storage_class = "FloatStorage", std::string_view id_end = "");

/// The pickles with which a legacy file of torch.save begins: magic number, protocol version, system.
std::string legacy_head();
/// A storage at the end of a legacy file: its key, the count that stands before it, its bytes.
struct LegacyStorage {
  std::string key;
  std::int64_t count;
  std::string bytes;
};
/// A file as torch.save makes it with _use_new_zipfile_serialization=False, with this pickle.
std::string legacy_bytes(std::string_view pickle, const std::vector<LegacyStorage>& storages);

/// A source that gives `tensor` each time it is asked.
NamedTensorSource source_of(const std::string& name, const at::Tensor& tensor);

/// Reads every byte of every tensor and adds them up, so that a pointer gone astray shows.
std::uint64_t touch_everything(const StateDict& state_dict);

/// Opens the file and touches all of it; gives the text of the CheckpointError, or "" if there was none.
std::string error_of(const std::string& path);
/// The same for a file with these bytes, which are in memory: no disk in the way of ten thousand of them.
std::string error_of_bytes(std::string_view bytes);

/// The name of the file that the memory at `address` is mapped from, and the position in it; "" if none.
std::pair<std::string, std::uint64_t> mapped_from(const void* address);

using ldm::testing::files_in;

}  // namespace ldm::checkpoint::testing
