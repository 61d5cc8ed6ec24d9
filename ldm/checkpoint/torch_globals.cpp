#include "ldm/checkpoint/torch_globals.h"

#include <array>

#include "ldm/checkpoint/dtype.h"

namespace ldm::checkpoint {
namespace {

struct Row {
  std::string_view module;
  std::string_view name;
  GlobalRole role;
};

constexpr std::array kTable{
    Row{"torch._utils", "_rebuild_tensor", GlobalRole::kRebuildTensor},
    Row{"torch._utils", "_rebuild_tensor_v2", GlobalRole::kRebuildTensor},
    Row{"torch._utils", "_rebuild_tensor_v3", GlobalRole::kRebuildTyped},
    Row{"torch._utils", "_rebuild_parameter", GlobalRole::kRebuildParameter},
    Row{"torch._utils", "_rebuild_parameter_with_state", GlobalRole::kRebuildParameter},
    Row{"torch.storage", "UntypedStorage", GlobalRole::kStorage},
    Row{"torch.storage", "TypedStorage", GlobalRole::kStorage},
    Row{"torch", "Size", GlobalRole::kSize},
    Row{"torch", "device", GlobalRole::kInert},
    Row{"collections", "OrderedDict", GlobalRole::kMapping},
    Row{"collections", "defaultdict", GlobalRole::kDefaultDict},
    Row{"_codecs", "encode", GlobalRole::kInert},
    Row{"numpy", "dtype", GlobalRole::kInert},
    Row{"numpy", "ndarray", GlobalRole::kInert},
    Row{"numpy.core.multiarray", "scalar", GlobalRole::kInert},
    Row{"numpy.core.multiarray", "_reconstruct", GlobalRole::kInert},
    Row{"numpy._core.multiarray", "scalar", GlobalRole::kInert},
    Row{"numpy._core.multiarray", "_reconstruct", GlobalRole::kInert},
    Row{"argparse", "Namespace", GlobalRole::kInert},
    Row{"typing", "Any", GlobalRole::kInert},
};

// Whole packages whose objects (callbacks, hyper-parameters) lie in training checkpoints beside the weights.
constexpr std::array<std::string_view, 4> kInertPackages{"pytorch_lightning", "lightning", "lightning_fabric",
                                                         "omegaconf"};

// "long" and "unicode" are how pickles of protocol 2 and below name int and str.
constexpr std::array<std::string_view, 10> kPlainTypes{"int",     "long", "float", "bool",  "str",
                                                       "unicode", "list", "dict",  "tuple", "object"};

bool is_in_package(std::string_view module, std::string_view package) {
  if (module.substr(0, package.size()) != package) return false;
  return module.size() == package.size() || module[package.size()] == '.';
}

std::optional<GlobalRole> role_of_builtin(std::string_view name) {
  if (name == "set" || name == "frozenset") return GlobalRole::kSet;
  if (name == "bytes") return GlobalRole::kInert;  // called for b"" by protocol 2
  for (const std::string_view plain : kPlainTypes) {
    if (name == plain) return GlobalRole::kPlainType;
  }
  return std::nullopt;
}

}  // namespace

std::optional<GlobalRole> role_of_global(std::string_view module, std::string_view name) {
  for (const Row& row : kTable) {
    if (row.module == module && row.name == name) return row.role;
  }
  if (module == "torch" && dtype_of_storage_class(name)) return GlobalRole::kStorage;
  if (module == "torch" && is_torch_dtype_name(name)) return GlobalRole::kDtype;
  if (module == "builtins" || module == "__builtin__") return role_of_builtin(name);
  for (const std::string_view package : kInertPackages) {
    if (is_in_package(module, package)) return GlobalRole::kInert;
  }
  return std::nullopt;
}

}  // namespace ldm::checkpoint
