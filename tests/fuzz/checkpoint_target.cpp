#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/mapped_file.h"
#include "ldm/checkpoint/open_checkpoint.h"
#include "ldm/checkpoint/state_dict.h"
#include "tests/fuzz/require.h"
#include "tests/fuzz/targets.h"

namespace ldm::fuzz {
namespace {

using checkpoint::CheckpointError;
using checkpoint::LoadedTensor;
using checkpoint::StateDict;
using checkpoint::TensorInfo;

// Tensors may share a storage, so that a small file has any number of bytes in them: what is read has bounds.
constexpr std::int64_t kSamples = 512;
constexpr std::int64_t kMaxTensorBytes = std::int64_t{1} << 16;

/// Reads the first and the last byte of a run and some between; with a sanitizer, one that is not ours ends
/// it.
unsigned sample(const std::uint8_t* bytes, std::int64_t count) {
  unsigned sum = 0;
  const std::int64_t step = std::max<std::int64_t>(1, count / kSamples);
  for (std::int64_t i = 0; i < count; i += step) sum += bytes[i];
  return count > 0 ? sum + bytes[count - 1] : sum;
}

void check_place(const TensorInfo& info, std::uint64_t file_size) {
  const auto item = static_cast<std::int64_t>(c10::elementSize(info.dtype));
  require(info.sizes.size() == info.strides.size(), "a stride for each size");
  require(info.numel() >= 0 && info.span() >= 0 && info.offset >= 0, "no count is negative");
  require((info.numel() == 0) == (info.span() == 0), "only an empty tensor has no span");
  require(info.nbytes() == info.numel() * item, "bytes are those of the elements");
  if (info.packed || info.numel() == 0) return;
  const auto bytes = static_cast<std::uint64_t>(info.span()) * static_cast<std::uint64_t>(item);
  const auto offset = static_cast<std::uint64_t>(info.offset);
  require(offset <= file_size && bytes <= file_size - offset, "every element lies inside the file");
}

void check_bools(const at::Tensor& tensor, std::int64_t span) {
  const auto* bytes = static_cast<const std::uint8_t*>(tensor.const_data_ptr());
  require(std::all_of(bytes, bytes + span, [](std::uint8_t byte) { return byte < 2; }),
          "a bool is 0 or 1 in memory");
}

void check_tensor(const LoadedTensor& loaded, const TensorInfo& info) {
  const at::Tensor& tensor = loaded.tensor;
  const auto item = static_cast<std::int64_t>(c10::elementSize(info.dtype));
  require(tensor.scalar_type() == info.dtype, "a tensor has the type that info tells");
  require(tensor.sizes().vec() == info.sizes, "a tensor has the sizes that info tells");
  require(tensor.numel() == info.numel(), "a tensor has the number of elements that info tells");
  if (tensor.numel() == 0) return;
  require(tensor.strides().vec() == info.strides, "a tensor has the strides that info tells");
  const auto address = reinterpret_cast<std::uintptr_t>(tensor.const_data_ptr());
  require(address % static_cast<std::uintptr_t>(item) == 0, "elements are aligned");
  sample(static_cast<const std::uint8_t*>(tensor.const_data_ptr()), info.span() * item);
  if (info.dtype == c10::ScalarType::Bool) check_bools(tensor, info.span());
  if (info.nbytes() > kMaxTensorBytes) return;
  const at::Tensor copy = tensor.contiguous();
  sample(static_cast<const std::uint8_t*>(copy.const_data_ptr()), info.nbytes());
}

void walk_tensor(const StateDict& state_dict, const std::string& name, std::uint64_t file_size) {
  require(state_dict.contains(name), "names() lists what is there");
  try {
    const TensorInfo& info = state_dict.info(name);
    check_place(info, file_size);
    check_tensor(state_dict.tensor(name), info);
    state_dict.release(name);
    check_tensor(state_dict.tensor(name), info);
  } catch (const CheckpointError&) {
    // The entry that holds this tensor is damaged; the others may be whole.
  }
}

void run_checks(const StateDict& state_dict) {
  for (const checkpoint::FileCheck& check : state_dict.checks()) {
    require(!check.what.empty(), "a check says what it looks at");
    try {
      check.run();
    } catch (const CheckpointError&) {
    }
  }
}

void ask_for_a_tensor_that_is_not_there(const StateDict& state_dict) {
  const std::string name = "\xff no such tensor";
  if (state_dict.contains(name)) return;
  try {
    state_dict.tensor(name);
  } catch (const CheckpointError&) {
    return;
  }
  require(false, "a tensor that is not there is an error");
}

void walk(const StateDict& state_dict, std::uint64_t file_size) {
  require(!state_dict.format().empty(), "a file has a format");
  for (const std::string& name : state_dict.names()) walk_tensor(state_dict, name, file_size);
  ask_for_a_tensor_that_is_not_there(state_dict);
  run_checks(state_dict);
  state_dict.metadata();
  state_dict.notes();
}

}  // namespace

void fuzz_checkpoint(std::string_view input) {
  try {
    // The bytes are copied to memory of just their size, so that a sanitizer sees the first one beyond.
    walk(checkpoint::read_checkpoint(checkpoint::MappedFile::from_bytes(input, "input")), input.size());
  } catch (const CheckpointError&) {
  }
}

}  // namespace ldm::fuzz
