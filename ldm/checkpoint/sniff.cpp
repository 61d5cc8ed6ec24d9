#include "ldm/checkpoint/sniff.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/shard_index.h"
#include "ldm/checkpoint/torch_legacy.h"
#include "ldm/files/lookalike.h"

namespace ldm::checkpoint {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::size_t kHead = 512;  // bytes that are looked at

struct Lookalike {
  std::size_t offset;
  std::string_view magic;
  std::string_view what;
};

constexpr std::array kOtherModels{
    Lookalike{0, "GGUF"sv, "a GGUF file"sv},        Lookalike{0, "lmgg"sv, "a GGML file"sv},
    Lookalike{0, "tjgg"sv, "a GGML file"sv},        Lookalike{0, "\x89HDF\r\n"sv, "an HDF5 file"sv},
    Lookalike{0, "\x93NUMPY"sv, "a NumPy array"sv}, Lookalike{4, "TFL3"sv, "a TensorFlow Lite model"sv},
};

// The last bytes of the index of a TensorFlow checkpoint, and of the whole of one of its first versions.
constexpr std::string_view kTensorFlowEnd = "\x57\xfb\x80\x8b\x24\x75\x47\xdb"sv;

bool has_at(std::string_view text, std::size_t offset, std::string_view magic) {
  return text.size() > offset && text.substr(offset, magic.size()) == magic;
}

/// A tar file with the entries of torch.save before PyTorch 0.1.12: sys_info, pickle, tensors, storages.
bool is_torch_tar(std::string_view head) {
  constexpr std::size_t kTarMagic = 257;
  if (!has_at(head, kTarMagic, "ustar")) return false;
  const std::string_view name = head.substr(0, head.find('\0'));
  return name == "sys_info" || name == "pickle" || name == "tensors" || name == "storages";
}

/// A protobuf of which the first fields are a small version (tag 8) and a producer's name (tag 18).
bool is_onnx(std::string_view head) {
  if (head.size() < 8 || head[0] != 8 || head[2] != 18) return false;
  const std::string_view producer = head.substr(4, static_cast<std::uint8_t>(head[3]));
  return producer == "pytorch" || producer.find("onnx") != std::string_view::npos;
}

/// Models of other programs; empty when it is none that we know.
std::string_view describe_other_model(std::string_view file) {
  for (const Lookalike& other : kOtherModels) {
    if (has_at(file, other.offset, other.magic)) return other.what;
  }
  if (is_onnx(file.substr(0, kHead))) return "an ONNX model"sv;
  const std::size_t end = file.size() - std::min(file.size(), kTensorFlowEnd.size());
  return has_at(file, end, kTensorFlowEnd) ? "a TensorFlow checkpoint"sv : ""sv;
}

bool is_text(std::string_view head) {
  return std::all_of(head.begin(), head.end(), [](unsigned char byte) {
    return byte >= 0x20 || byte == '\n' || byte == '\r' || byte == '\t';
  });
}

/// What a file is that we do not read, and what to do.
std::string describe(std::string_view file) {
  const std::string_view head = file.substr(0, kHead);
  const std::string_view other_model = describe_other_model(file);
  if (!other_model.empty()) {
    return std::string(other_model) + ": take the .ckpt or .safetensors file of the model instead";
  }
  if (is_torch_tar(head)) {
    return "a tar file as the first versions of PyTorch (before 0.1.12) wrote it: load it with torch.load in "
           "Python, if you trust it, and save it again with torch.save";
  }
  if (head.size() > 2 && head[0] == '\x80' && head[1] >= 2 && head[1] <= 5) {
    return "a bare pickle without PyTorch's zip around it, which holds no tensors that we could map";
  }
  std::string known = files::describe_lookalike(head);
  if (!known.empty()) return known;
  if (is_text(head)) {
    return "a text that begins with '" + printable(head.substr(0, 80)) +
           "': if you wanted to download weights, this is the server's answer in place of them";
  }
  return "a file of unknown form that begins with '" + printable(head.substr(0, 16)) + "'";
}

}  // namespace

FileForm sniff(ByteView file, const std::string& path) {
  const std::string_view head = file.text().substr(0, kHead);
  if (has_at(head, 0, "PK\x03\x04") || has_at(head, 0, "PK\x05\x06")) return FileForm::kZip;
  if (begins_torch_legacy(head)) return FileForm::kTorchLegacy;
  if (is_shard_index(file.text())) return FileForm::kShardIndex;
  if (head.size() > 8 && head[8] == '{') return FileForm::kSafetensors;
  throw CheckpointError("'" + path + "': expected a PyTorch .ckpt or a .safetensors file, got " +
                        describe(file.text()));
}

}  // namespace ldm::checkpoint
