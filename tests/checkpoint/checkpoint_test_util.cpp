#include "tests/checkpoint/checkpoint_test_util.h"

#include <ATen/ATen.h>
#include <zlib.h>

#include <fstream>
#include <sstream>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/open_checkpoint.h"
#include "ldm/checkpoint/zip_format.h"
#include "ldm/checkpoint/zip_plan.h"
#include "tests/support/paths.h"

namespace ldm::checkpoint::testing {

using namespace std::string_literals;

std::string write_file(const std::string& name, std::string_view bytes) {
  const std::string path = ldm::testing::temp_dir() + "/" + name;
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  return path;
}

std::string zip_bytes(const ZipContents& contents) {
  ZipPlan plan;
  std::vector<std::uint32_t> crcs;
  for (const auto& [name, bytes] : contents) {
    plan.add(name, bytes.size());
    crcs.push_back(
        static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size())));
  }
  std::string out(plan.directory_offset(), '\0');
  for (std::size_t i = 0; i < contents.size(); ++i) {
    const std::string header = plan.local_header(i, crcs[i]);
    out.replace(plan.header_offset(i), header.size(), header);
    out.replace(plan.data_offset(i), contents[i].second.size(), contents[i].second);
  }
  return out + plan.directory(crcs);
}

ZipItem deflated(const std::string& name, std::string_view bytes) {
  std::string packed(compressBound(static_cast<uLong>(bytes.size())) + 64, '\0');
  z_stream z{};
  deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(packed.data());
  z.avail_out = static_cast<uInt>(packed.size());
  deflate(&z, Z_FINISH);
  packed.resize(z.total_out);
  deflateEnd(&z);
  const auto crc = crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  return {name, packed, static_cast<std::uint32_t>(bytes.size()), static_cast<std::uint32_t>(crc),
          zip::kDeflated};
}

namespace {

/// The numbers that a local and a central header share, from the flags on.
void append_header_numbers(std::string& out, const ZipItem& item) {
  append_le(out, std::uint16_t{0});  // flags
  append_le(out, item.method);
  append_le(out, std::uint32_t{0});  // time
  append_le(out, item.crc);
  append_le(out, static_cast<std::uint32_t>(item.packed.size()));
  append_le(out, item.size);
  append_le(out, static_cast<std::uint16_t>(item.name.size()));
  append_le(out, std::uint16_t{0});  // extra
}

}  // namespace

std::string zip_of_items(const std::vector<ZipItem>& items) {
  std::string out;
  std::string directory;
  for (const ZipItem& item : items) {
    append_le(directory, zip::kCentralHeader);
    append_le(directory, std::uint32_t{0});  // versions
    append_header_numbers(directory, item);
    directory.append(10, '\0');  // comment, disk, attributes
    append_le(directory, static_cast<std::uint32_t>(out.size()));
    directory += item.name;
    append_le(out, zip::kLocalHeader);
    append_le(out, std::uint16_t{0});  // version
    append_header_numbers(out, item);
    out += item.name + item.packed;
  }
  const std::size_t begin = out.size();
  out += directory;
  append_le(out, zip::kEnd);
  append_le(out, std::uint32_t{0});  // disks
  append_le(out, static_cast<std::uint16_t>(items.size()));
  append_le(out, static_cast<std::uint16_t>(items.size()));
  append_le(out, static_cast<std::uint32_t>(directory.size()));
  append_le(out, static_cast<std::uint32_t>(begin));
  append_le(out, std::uint16_t{0});  // comment
  return out;
}

std::string torch_bytes(std::string_view pickle, const ZipContents& storages) {
  ZipContents contents{{"x/data.pkl", std::string(pickle)}, {"x/byteorder", "little"}};
  for (const auto& [key, bytes] : storages) contents.emplace_back("x/data/" + key, bytes);
  return zip_bytes(contents);
}

std::string text_opcodes(std::string_view text) {
  return "U"s + static_cast<char>(text.size()) + std::string(text);
}

std::string state_dict_pickle(std::string_view tensor) {
  return "}" + text_opcodes("state_dict") + "}" + text_opcodes("w") + std::string(tensor) + "ss.";
}

std::string legacy_head() {
  const std::string magic = "\x80\2\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
  return magic + "\x80\2M\xe9\3." + "\x80\2}(" + text_opcodes("protocol_version") + "M\xe9\3" +
         text_opcodes("little_endian") + "\x88u.";
}

std::string legacy_bytes(std::string_view pickle, const std::vector<LegacyStorage>& storages) {
  std::string out = legacy_head().append(pickle).append("\x80\2](");
  for (const LegacyStorage& storage : storages) out += text_opcodes(storage.key);
  out += "e.";
  for (const LegacyStorage& storage : storages) {
    append_le(out, storage.count);
    out += storage.bytes;
  }
  return out;
}

std::string safetensors_bytes(std::string_view header, std::string_view data) {
  std::string out;
  append_le(out, std::uint64_t{header.size()});
  return out.append(header).append(data);
}

std::string tensor_opcodes(std::string_view key, std::uint8_t storage_numel, std::string_view view,
                           std::string_view storage_class, std::string_view id_end) {
  std::string out = "ctorch._utils\n_rebuild_tensor_v2\n((X\x07";
  out.append("\0\0\0storagectorch\n"sv).append(storage_class).append("\nU");
  out += static_cast<char>(key.size());
  out.append(key).append("U\x06"sv).append("cuda:0K");
  out += static_cast<char>(storage_numel);
  return out.append(id_end).append("tQ").append(view).append("\x89"sv).append(
      "ccollections\nOrderedDict\n)RtR");
}

NamedTensorSource source_of(const std::string& name, const at::Tensor& tensor) {
  return {name, tensor.scalar_type(), tensor.sizes().vec(), [tensor] { return tensor; }};
}

std::uint64_t touch_everything(const StateDict& state_dict) {
  std::uint64_t sum = 0;
  for (const std::string& name : state_dict.names()) {
    const at::Tensor loaded = state_dict.tensor(name).tensor.contiguous();
    const auto* bytes = static_cast<const std::uint8_t*>(loaded.const_data_ptr());
    for (std::size_t i = 0; i < loaded.nbytes(); ++i) sum += bytes[i];
  }
  return sum;
}

std::string error_of(const std::string& path) {
  return ldm::testing::error_of<CheckpointError>([&] { touch_everything(open_checkpoint(path)); });
}

std::string error_of_bytes(std::string_view bytes) {
  if (bytes.empty()) return error_of(write_file("bytes", bytes));
  return ldm::testing::error_of<CheckpointError>(
      [&] { touch_everything(read_checkpoint(MappedFile::from_bytes(bytes, "bytes"))); });
}

std::pair<std::string, std::uint64_t> mapped_from(const void* address) {
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t begin = 0, end = 0;
    std::uint64_t offset = 0, inode = 0;
    char dash = 0;
    std::string access, device, name;
    std::istringstream(line) >> std::hex >> begin >> dash >> end >> access >> offset >> device >> std::dec >>
        inode >> name;
    if (wanted >= begin && wanted < end) return {name, offset + (wanted - begin)};
  }
  return {"", 0};
}

}  // namespace ldm::checkpoint::testing
