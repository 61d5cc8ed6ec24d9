#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ldm/checkpoint/pickle_machine.h"
#include "ldm/checkpoint/pickle_value.h"

namespace ldm::checkpoint {

/// Parts of the persistent id of a storage in the zip form and in the legacy form.
constexpr std::size_t kZipStorageParts = 5;
constexpr std::size_t kLegacyStorageParts = 6;
/// Items of a kTensor value whose type is that of its storage; one that names a dtype has one more.
constexpr std::size_t kUntypedTensorParts = 4;

/// Gives the names in a torch checkpoint's pickle their meaning (see torch_globals.h). A rebuilt tensor
/// becomes a kTensor value that only holds what was said about it: storage, offset, sizes, strides. Every
/// other name is refused, with a message that says so.
///
/// Persistent ids are ("storage", storage class, key, location, number of elements), and in legacy files
/// there is one part more: None, or (key, offset, number of elements) of a view of the storage.
class TorchHooks : public PickleHooks {
 public:
  /// `arena` is that of the run; `storage_parts` is the number of parts of a storage's persistent id.
  explicit TorchHooks(ValueArena& arena, std::size_t storage_parts = kZipStorageParts)
      : arena_(arena), storage_parts_(storage_parts) {}

  Value* find_global(std::string_view module, std::string_view name) override;
  Value* call(const Value& callable, const Value& args) override;
  Value* load_persistent(const Value& id) override;

  /// Names that have a meaning here, and names that are ignored, sorted: at most 1000 of each, cut at 200
  /// bytes.
  const std::set<std::string>& globals() const { return globals_; }
  const std::set<std::string>& inert_globals() const { return inert_globals_; }
  /// Every storage that was named so far, as often as it was named.
  const std::vector<const Value*>& storages() const { return storages_; }

 private:
  Value* call_global(const Value& callable, const Value& args);
  Value* rebuild_tensor(const Value& args);
  Value* rebuild_typed_tensor(const Value& args);
  Value* rebuild_parameter(const Value& args);
  Value* make_mapping(const Value& args);
  Value* make_default_dict(const Value& args);
  Value* make_set(const Value& args);
  Value* make_size(const Value& args);

  ValueArena& arena_;
  std::size_t storage_parts_;
  std::vector<const Value*> storages_;
  std::set<std::string> globals_;
  std::set<std::string> inert_globals_;
};

}  // namespace ldm::checkpoint
