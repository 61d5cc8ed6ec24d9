#include "ldm/checkpoint/torch_extras.h"

#include <cstddef>
#include <optional>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/error.h"

namespace ldm::checkpoint {
namespace {

constexpr std::size_t kMaxText = 4096;
constexpr std::size_t kMaxPath = 200;
constexpr std::size_t kMaxVisits = std::size_t{1} << 18;
constexpr std::size_t kMaxLevels = 64;

/// The beginning of a long text, cut between two characters.
std::string shortened(const std::string& text) {
  if (text.size() <= kMaxText) return text;
  std::size_t end = kMaxText;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

bool is_list(const Value& value) {
  return value.kind == ValueKind::kList || value.kind == ValueKind::kTuple;
}

/// None for a key that cannot be part of a path.
std::optional<std::string> path_part(const Value& key) {
  if (key.kind == ValueKind::kInt) return std::to_string(key.integer);
  if (key.kind != ValueKind::kText || key.text.size() > kMaxPath || !is_utf8(key.text)) return std::nullopt;
  return key.text;
}

class Walk {
 public:
  Walk(TorchExtras& extras, const std::string& label) : extras_(extras), label_(label) {}

  void dict(const Value& value, const std::string& path, std::size_t level) {
    for (std::size_t i = 0; i + 1 < value.items.size(); i += 2) {
      const auto part = path_part(*value.items[i]);
      if (!part || (level == 0 && *part == "state_dict")) continue;
      visit(*value.items[i + 1], path.empty() ? *part : path + "." + *part, level);
    }
  }

 private:
  void visit(const Value& value, const std::string& path, std::size_t level) {
    if (++visits_ > kMaxVisits || level >= kMaxLevels || path.size() > kMaxPath) {
      throw CheckpointError(label_ + ": expected at most " + std::to_string(kMaxVisits) + " values in " +
                            std::to_string(kMaxLevels) +
                            " levels beside the state dict, with paths of at most " +
                            std::to_string(kMaxPath) + " bytes, got more");
    }
    Scalar scalar;
    if (value.kind == ValueKind::kTensor) {
      extras_.tensors.emplace_back(path, &value);
    } else if (read_scalar(value, scalar)) {
      extras_.scalars.push_back({path, std::move(scalar)});
    } else if (value.kind == ValueKind::kDict) {
      dict(value, path, level + 1);
    } else if (is_list(value)) {
      for (std::size_t i = 0; i < value.items.size(); ++i) {
        visit(*value.items[i], path + "." + std::to_string(i), level + 1);
      }
    }
  }

  TorchExtras& extras_;
  const std::string& label_;
  std::size_t visits_ = 0;
};

}  // namespace

bool read_scalar(const Value& value, Scalar& scalar) {
  switch (value.kind) {
    case ValueKind::kBool:
      scalar = value.integer != 0;
      return true;
    case ValueKind::kInt:
      scalar = value.integer;
      return true;
    case ValueKind::kReal:
      scalar = value.real;
      return true;
    case ValueKind::kText:
      scalar = shortened(value.text);
      return true;
    default:
      return false;
  }
}

TorchExtras collect_extras(const Value& top, const std::string& label) {
  TorchExtras extras;
  Walk(extras, label).dict(top, "", 0);
  return extras;
}

}  // namespace ldm::checkpoint
