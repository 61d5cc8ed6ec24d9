#pragma once

#include <string_view>

#include "ldm/checkpoint/pickle_machine.h"
#include "ldm/checkpoint/pickle_value.h"

namespace ldm::checkpoint {

/// Gives the names in a torch checkpoint's pickle their meaning (see torch_globals.h). A rebuilt tensor
/// becomes a kTensor value that only holds what was said about it: storage, offset, sizes, strides. Every
/// other name is refused, with a message that says so.
class TorchHooks : public PickleHooks {
 public:
  /// `arena` is that of the run.
  explicit TorchHooks(ValueArena& arena) : arena_(arena) {}

  Value* find_global(std::string_view module, std::string_view name) override;
  Value* call(const Value& callable, const Value& args) override;
  /// Persistent ids are ("storage", storage class, key, location, number of elements).
  Value* load_persistent(const Value& id) override;

 private:
  Value* call_global(const Value& callable, const Value& args);
  Value* rebuild_tensor(const Value& args);
  Value* rebuild_parameter(const Value& args);
  Value* make_mapping(const Value& args);
  Value* make_default_dict(const Value& args);
  Value* make_set(const Value& args);
  Value* make_size(const Value& args);

  ValueArena& arena_;
};

}  // namespace ldm::checkpoint
