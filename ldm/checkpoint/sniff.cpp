#include "ldm/checkpoint/sniff.h"

#include <array>
#include <string_view>

#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/torch_legacy.h"
#include "ldm/files/lookalike.h"

namespace ldm::checkpoint {
namespace {

using std::string_view_literals::operator""sv;

struct Lookalike {
  std::string_view magic;
  std::string_view what;
};

constexpr std::array kLookalikes{
    Lookalike{"GGUF"sv, "a GGUF file: take the .ckpt or .safetensors file of the model instead"sv},
    Lookalike{"\x89HDF\r\n"sv, "an HDF5 file: take the .ckpt or .safetensors file of the model instead"sv},
};

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

/// A tar file with the entries of torch.save before PyTorch 0.1.12: sys_info, pickle, tensors, storages.
bool is_torch_tar(std::string_view head) {
  constexpr std::size_t kTarMagic = 257;
  if (head.size() < kTarMagic + 5 || head.substr(kTarMagic, 5) != "ustar") return false;
  const std::string_view name = head.substr(0, head.find('\0'));
  return name == "sys_info" || name == "pickle" || name == "tensors" || name == "storages";
}

/// Empty when the file is none of the forms that are often mistaken for a checkpoint.
std::string describe_lookalike(std::string_view head) {
  for (const Lookalike& other : kLookalikes) {
    if (starts_with(head, other.magic)) return std::string(other.what);
  }
  if (is_torch_tar(head)) {
    return "a tar file as the first versions of PyTorch (before 0.1.12) wrote it: load it with torch.load in "
           "Python, if you trust it, and save it again with torch.save";
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
  if (begins_torch_legacy(head)) return FileForm::kTorchLegacy;
  if (head.size() > 8 && head[8] == '{') return FileForm::kSafetensors;
  std::string what = describe_lookalike(head);
  if (what.empty()) what = "a file of unknown form that begins with '" + printable(head.substr(0, 16)) + "'";
  throw CheckpointError("'" + path + "': expected a PyTorch .ckpt or a .safetensors file, got " + what);
}

}  // namespace ldm::checkpoint
