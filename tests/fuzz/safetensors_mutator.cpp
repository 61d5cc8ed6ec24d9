// Keeps length, header and data of a .safetensors file in step, so that a mutation of the header is not
// refused at the first byte.

#include <algorithm>
#include <cstring>
#include <string>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/safetensors_header.h"
#include "tests/fuzz/mutator.h"

namespace ldm::fuzz {
namespace {

constexpr std::size_t kPrefix = 8;
constexpr std::int64_t kMaxData = 1 << 14;

/// The bytes that the header says follow it, or -1 if it cannot be read or says too many.
std::int64_t told_size(const std::string& header) {
  std::int64_t size = 0;
  try {
    for (const auto& entry : checkpoint::parse_safetensors_header(header, "input").entries) {
      size = std::max(size, entry.end);
    }
  } catch (const checkpoint::CheckpointError&) {
    return -1;
  }
  return size <= kMaxData ? size : -1;
}

/// The file with another header, its length told, and data of the size that the header tells.
std::string with_mutated_header(const std::string& file, std::size_t room) {
  const checkpoint::ByteView bytes{reinterpret_cast<const std::uint8_t*>(file.data()), file.size()};
  const auto length = checkpoint::load_le<std::uint64_t>(bytes, 0);
  if (!bytes.holds(kPrefix, length)) return "";
  const std::string header = mutated(file.substr(kPrefix, length), room);
  std::string data = file.substr(kPrefix + length);
  const std::int64_t size = told_size(header);
  if (size >= 0) data.resize(static_cast<std::size_t>(size));
  std::string out;
  checkpoint::append_le(out, std::uint64_t{header.size()});
  return out + header + data;
}

}  // namespace
}  // namespace ldm::fuzz

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  if (seed % 4 != 0 && size > ldm::fuzz::kPrefix) {
    const std::string out =
        ldm::fuzz::with_mutated_header({reinterpret_cast<const char*>(data), size}, max_size - size);
    if (!out.empty() && out.size() <= max_size) {
      std::memcpy(data, out.data(), out.size());
      return out.size();
    }
  }
  return LLVMFuzzerMutate(data, size, max_size);
}
