#include <cstdint>
#include <unordered_set>
#include <vector>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/pickle_machine.h"
#include "ldm/checkpoint/tensor_view.h"
#include "ldm/checkpoint/torch_hooks.h"
#include "ldm/checkpoint/torch_pickle.h"
#include "tests/fuzz/require.h"
#include "tests/fuzz/targets.h"

namespace ldm::fuzz {
namespace {

using checkpoint::ByteView;
using checkpoint::CheckpointError;
using checkpoint::PickleLimits;
using checkpoint::TensorRecord;
using checkpoint::TorchForm;
using checkpoint::TorchPart;
using checkpoint::Value;
using checkpoint::ValueKind;

constexpr PickleLimits kSmallLimits{64, 16, 8, 4};
constexpr std::size_t kMaxVisited = 10000;

void check_record(const TensorRecord& record) {
  require(!record.storage.key.empty(), "a storage has a key");
  require(record.storage.numel >= 0 && record.offset >= 0, "no count is negative");
  require(checkpoint::fault_of_view(record.sizes, record.strides, record.offset, record.storage.numel,
                                    c10::elementSize(record.storage.dtype))
              .empty(),
          "every element lies inside the storage");
}

void read_as_torch_pickle(ByteView pickle, TorchForm form, TorchPart part = TorchPart::kStateDict) {
  try {
    const checkpoint::TorchPickle read = checkpoint::read_torch_pickle(pickle, "input", form, part);
    require(read.length > 0 && read.length <= pickle.size, "a pickle ends inside its bytes");
    std::unordered_set<std::string> names;
    for (const TensorRecord& record : read.tensors) {
      const bool is_new = names.insert(record.name).second;
      require(is_new || part == TorchPart::kExtras, "each name is there once");
      check_record(record);
    }
  } catch (const CheckpointError&) {
  }
}

void check_value(const Value& value) {
  require(checkpoint::describe(value.kind)[0] != '\0', "every kind has a name");
  const std::size_t items = value.items.size();
  require(value.kind != ValueKind::kDict || items % 2 == 0, "a mapping holds pairs");
  require(value.kind != ValueKind::kStorage || items == 5, "a storage keeps the parts of its id");
  require(value.kind != ValueKind::kTensor || items >= 4, "a tensor keeps storage, offset, sizes, strides");
}

/// Every value that can be reached, each once: lists may contain themselves.
void walk_values(const Value& top) {
  std::unordered_set<const Value*> seen{&top};
  std::vector<const Value*> rest{&top};
  while (!rest.empty() && seen.size() < kMaxVisited) {
    const Value& value = *rest.back();
    rest.pop_back();
    check_value(value);
    for (const Value* item : value.items) {
      require(item != nullptr, "a container holds values");
      if (seen.insert(item).second) rest.push_back(item);
    }
  }
}

void run_within(ByteView pickle, const PickleLimits& limits) {
  try {
    checkpoint::ValueArena arena(limits.values);
    checkpoint::TorchHooks hooks(arena);
    walk_values(*checkpoint::run_pickle(pickle, "input", hooks, arena, limits));
  } catch (const CheckpointError&) {
  }
}

}  // namespace

void fuzz_pickle(std::string_view input) {
  const ByteView pickle{reinterpret_cast<const std::uint8_t*>(input.data()), input.size()};
  read_as_torch_pickle(pickle, TorchForm::kZip);
  read_as_torch_pickle(pickle, TorchForm::kLegacy);
  read_as_torch_pickle(pickle, TorchForm::kZip, TorchPart::kExtras);
  run_within(pickle, {});
  run_within(pickle, kSmallLimits);
}

}  // namespace ldm::fuzz
