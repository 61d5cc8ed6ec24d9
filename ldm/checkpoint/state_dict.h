#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ldm/checkpoint/mapped_file.h"

namespace ldm::checkpoint {

/// Where and how one tensor lies in its file. `sizes` and `strides` have one number per dimension, in
/// elements, none of them negative; the reader has checked that every element lies inside the tensor's
/// storage and the file.
struct TensorInfo {
  c10::ScalarType dtype = c10::ScalarType::Undefined;
  std::vector<std::int64_t> sizes;
  std::vector<std::int64_t> strides;
  std::int64_t offset = 0;  ///< position of the first element, in bytes from the start of the file

  /// Number of elements.
  std::int64_t numel() const;
  /// Elements from the first to the last one in memory, both included; 0 for an empty tensor.
  std::int64_t span() const;
  /// Bytes of `numel()` elements: what a contiguous copy takes.
  std::int64_t nbytes() const;
};

/// One tensor as loaded: `copied` is empty when it lies in the mapped file, and otherwise says why it had to
/// be copied ("misaligned offset 1027 for 2-byte elements"), for the load report.
struct LoadedTensor {
  at::Tensor tensor;
  std::string copied;
};

/// The tensors of a checkpoint by name, over a mapped file. Opening reads the file's tables only; a tensor's
/// own bytes are read when somebody computes with it. Cheap to copy (copies share one state), and safe to use
/// from several threads at once. Made by `open_checkpoint`.
class StateDict {
 public:
  struct Impl;
  /// For the readers of this folder; see state_dict_parts.h.
  explicit StateDict(std::shared_ptr<const Impl> impl);

  const std::string& path() const;
  /// "pytorch-zip" or "safetensors".
  const std::string& format() const;
  /// All names, in the order of the file.
  const std::vector<std::string>& names() const;
  bool contains(const std::string& name) const;
  /// Shape, type and place of a tensor. Throws CheckpointError naming the file and the key if there is no
  /// such tensor, or if the entry that holds it is damaged. The reference lives as long as any copy of this
  /// object.
  const TensorInfo& info(const std::string& name) const;
  /// The tensor on the CPU, with the sizes and strides of `info`, without a copy where the file allows it;
  /// two calls give two tensors over the same memory, and so do two names that share a storage in the file.
  /// The memory is private to this process and writable. It stays valid after the StateDict is gone. Errors
  /// as for `info`.
  LoadedTensor tensor(const std::string& name) const;
  /// What the file says besides tensors: the __metadata__ of a .safetensors file; for a .ckpt the scalars at
  /// its top level (epoch, global_step, pytorch-lightning_version) as text.
  std::map<std::string, std::string> metadata() const;

 private:
  std::shared_ptr<const Impl> impl_;
};

}  // namespace ldm::checkpoint
