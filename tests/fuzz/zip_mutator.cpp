// Takes a zip file apart, mutates one entry, and puts it together again with the right lengths and checksums,
// so that what lies behind those checks is reached too.

#include <zlib.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/zip_directory.h"
#include "ldm/checkpoint/zip_format.h"
#include "tests/fuzz/mutator.h"

namespace ldm::fuzz {
namespace {

namespace zip = checkpoint::zip;
using checkpoint::append_le;
using checkpoint::ByteView;

constexpr std::uint64_t kMaxUnpacked = 1 << 18;
constexpr std::size_t kAlignment = 8;

struct Part {
  std::string name;
  std::uint16_t method = zip::kStored;
  std::uint32_t crc = 0;
  std::uint64_t size = 0;  // unpacked
  std::string bytes;       // packed
};

std::uint32_t crc_of(const std::string& bytes) {
  return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

/// The unpacked bytes of a part, as many as come before an error and within the bound.
std::string inflated(const Part& part) {
  std::string out(kMaxUnpacked, '\0');
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return "";
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(part.bytes.data()));
  stream.avail_in = static_cast<uInt>(part.bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  inflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

std::string deflated(const std::string& bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) return "";
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// The entries of a file whose directory is sound; none otherwise.
std::vector<Part> take_apart(const std::string& file) {
  const ByteView bytes{reinterpret_cast<const std::uint8_t*>(file.data()), file.size()};
  std::vector<Part> parts;
  try {
    const checkpoint::ZipDirectory directory(bytes, "input");
    for (const checkpoint::ZipEntry& entry : directory.entries()) {
      if (!bytes.holds(entry.header_offset, zip::kLocalHeaderSize)) return {};
      const std::uint64_t begin = entry.header_offset + zip::kLocalHeaderSize +
                                  checkpoint::load_le<std::uint16_t>(bytes, entry.header_offset + 26) +
                                  checkpoint::load_le<std::uint16_t>(bytes, entry.header_offset + 28);
      if (!bytes.holds(begin, entry.packed_size)) return {};
      parts.push_back({entry.name, entry.method, entry.crc, entry.size,
                       std::string(bytes.slice(begin, entry.packed_size).text())});
    }
  } catch (const checkpoint::CheckpointError&) {
    return {};
  }
  return parts;
}

/// What the local and the central header share, from the version on.
std::string middle_of_header(const Part& part, std::size_t extra) {
  std::string out;
  append_le(out, std::uint16_t{20});  // version needed
  append_le(out, std::uint16_t{0});   // flags
  append_le(out, part.method);
  append_le(out, std::uint32_t{0});  // time and date
  append_le(out, part.crc);
  append_le(out, static_cast<std::uint32_t>(part.bytes.size()));
  append_le(out, static_cast<std::uint32_t>(part.size));
  append_le(out, static_cast<std::uint16_t>(part.name.size()));
  append_le(out, static_cast<std::uint16_t>(extra));
  return out;
}

void append_local(std::string& out, const Part& part) {
  const std::size_t begin = out.size() + zip::kLocalHeaderSize + part.name.size() + 4;
  const std::size_t padding = (kAlignment - begin % kAlignment) % kAlignment;
  append_le(out, zip::kLocalHeader);
  out += middle_of_header(part, 4 + padding) + part.name;
  append_le(out, zip::kAlignmentExtra);
  append_le(out, static_cast<std::uint16_t>(padding));
  out += std::string(padding, '\0') + part.bytes;
}

std::string put_together(const std::vector<Part>& parts) {
  std::string out;
  std::string directory;
  for (const Part& part : parts) {
    append_le(directory, zip::kCentralHeader);
    append_le(directory, std::uint16_t{20});  // version made by
    directory += middle_of_header(part, 0);
    directory += std::string(10, '\0');  // comment, disk, attributes
    append_le(directory, static_cast<std::uint32_t>(out.size()));
    directory += part.name;
    append_local(out, part);
  }
  const auto at = static_cast<std::uint32_t>(out.size());
  out += directory;
  append_le(out, zip::kEnd);
  append_le(out, std::uint32_t{0});  // disks
  append_le(out, static_cast<std::uint16_t>(parts.size()));
  append_le(out, static_cast<std::uint16_t>(parts.size()));
  append_le(out, static_cast<std::uint32_t>(directory.size()));
  append_le(out, at);
  append_le(out, std::uint16_t{0});
  return out;
}

void set_contents(Part& part, const std::string& bytes) {
  part.crc = crc_of(bytes);
  part.size = bytes.size();
  part.bytes = part.method == zip::kDeflated ? deflated(bytes) : bytes;
}

void mutate_part(Part& part, unsigned choice, std::size_t room) {
  if (choice == 0) {
    part.name = mutated(part.name, 8).substr(0, 0xffff);
  } else if (choice == 1) {  // pack or unpack
    const std::string bytes = part.method == zip::kDeflated ? inflated(part) : part.bytes;
    part.method = part.method == zip::kDeflated ? zip::kStored : zip::kDeflated;
    set_contents(part, bytes);
  } else if (choice <= 3 && part.method == zip::kDeflated) {  // the packed bytes themselves
    part.bytes = mutated(part.bytes, room);
    const std::string bytes = inflated(part);
    if (choice == 3) return;  // and they no longer match their checksum
    part.crc = crc_of(bytes);
    part.size = bytes.size();
  } else {
    set_contents(part, mutated(part.method == zip::kDeflated ? inflated(part) : part.bytes, room));
  }
}

std::size_t pick(std::minstd_rand& random, std::size_t count) {
  return std::uniform_int_distribution<std::size_t>(0, count - 1)(random);
}

std::string with_mutated_entry(const std::string& file, std::size_t room, std::minstd_rand& random) {
  std::vector<Part> parts = take_apart(file);
  if (parts.empty()) return "";
  std::size_t place = pick(random, parts.size());
  // The pickle is where most of the code behind the checks is.
  for (std::size_t i = 0; i < parts.size() && pick(random, 2) == 0; ++i) {
    if (parts[i].name.find("data.pkl") != std::string::npos) place = i;
  }
  const std::size_t choice = pick(random, 12);
  if (choice == 11 && parts.size() > 1) {
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(place));
  } else {
    mutate_part(parts[place], static_cast<unsigned>(choice), room);
  }
  return put_together(parts);
}

}  // namespace
}  // namespace ldm::fuzz

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  std::minstd_rand random(seed);
  if (seed % 3 != 0) {
    const std::string out = ldm::fuzz::with_mutated_entry({reinterpret_cast<const char*>(data), size},
                                                          (max_size - size) / 2, random);
    if (!out.empty() && out.size() <= max_size) {
      std::memcpy(data, out.data(), out.size());
      return out.size();
    }
  }
  return LLVMFuzzerMutate(data, size, max_size);
}
