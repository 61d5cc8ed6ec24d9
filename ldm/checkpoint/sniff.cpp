#include "ldm/checkpoint/sniff.h"

#include <array>
#include <string_view>

#include "ldm/checkpoint/error.h"
#include "ldm/files/lookalike.h"

namespace ldm::checkpoint {
namespace {

using std::string_view_literals::operator""sv;

struct Lookalike {
  std::string_view magic;
  std::string_view what;
};

// The pickled number 0x1950a86a20f9469cfc6c with which torch.save began its files before version 1.6.
constexpr std::string_view kLegacyTorch = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"sv;

constexpr std::array kLookalikes{
    Lookalike{"GGUF"sv, "a GGUF file: take the .ckpt or .safetensors file of the model instead"sv},
    Lookalike{"\x89HDF\r\n"sv, "an HDF5 file: take the .ckpt or .safetensors file of the model instead"sv},
};

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

/// A protocol byte (0x80 n) and then the magic number.
bool is_legacy_torch(std::string_view head) {
  return head.size() > 2 && head[0] == '\x80' && starts_with(head.substr(2), kLegacyTorch);
}

/// Empty when the file is none of the forms that are often mistaken for a checkpoint.
std::string describe_lookalike(std::string_view head, const std::string& path) {
  for (const Lookalike& other : kLookalikes) {
    if (starts_with(head, other.magic)) return std::string(other.what);
  }
  if (is_legacy_torch(head)) {
    return "a legacy (non-zip) PyTorch file: re-save it with torch.save(torch.load(path), new_path), path "
           "being '" +
           path + "'";
  }
  if (head.size() > 2 && head[0] == '\x80' && head[1] >= 2 && head[1] <= 5) {
    return "a bare pickle without PyTorch's zip around it, which holds no tensors that we could map";
  }
  return files::describe_lookalike(head);
}

}  // namespace

FileForm sniff(ByteView file, const std::string& path) {
  const std::string_view head = file.text().substr(0, 512);
  if (starts_with(head, "PK\x03\x04") || starts_with(head, "PK\x05\x06")) return FileForm::kZip;
  if (head.size() > 8 && head[8] == '{') return FileForm::kSafetensors;
  std::string what = describe_lookalike(head, path);
  if (what.empty()) what = "a file of unknown form that begins with '" + printable(head.substr(0, 16)) + "'";
  throw CheckpointError("'" + path + "': expected a PyTorch .ckpt or a .safetensors file, got " + what);
}

}  // namespace ldm::checkpoint
