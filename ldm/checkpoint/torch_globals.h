#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ldm::checkpoint {

/// What a global of Python means to us when a torch checkpoint names it.
enum class GlobalRole : std::int64_t {
  kStorage,           ///< a storage class, in a persistent id
  kDtype,             ///< a torch dtype, never called
  kRebuildTensor,     ///< torch._utils._rebuild_tensor and _rebuild_tensor_v2
  kRebuildTyped,      ///< torch._utils._rebuild_tensor_v3, which names a dtype
  kRebuildParameter,  ///< torch._utils._rebuild_parameter and _rebuild_parameter_with_state
  kMapping,           ///< collections.OrderedDict
  kDefaultDict,       ///< collections.defaultdict
  kSet,               ///< set, frozenset
  kSize,              ///< torch.Size
  kPlainType,         ///< int, dict, ...: named (as the factory of a defaultdict), never called
  kInert              ///< called or not, an object whose contents we ignore
};

/// THE allow-list: the meaning of `module`.`name`, or none if a checkpoint has no business naming it. The
/// README of this folder repeats it in prose.
std::optional<GlobalRole> role_of_global(std::string_view module, std::string_view name);

}  // namespace ldm::checkpoint
