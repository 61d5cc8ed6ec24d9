#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ldm/checkpoint/mapped_file.h"
#include "ldm/checkpoint/scalar.h"

namespace ldm::checkpoint {

/// Where and how one tensor lies in its file. `sizes` and `strides` have one number per dimension, in
/// elements, none of them negative; the reader has checked that every element lies inside the tensor's
/// storage and the file.
struct TensorInfo {
  c10::ScalarType dtype = c10::ScalarType::Undefined;
  std::vector<std::int64_t> sizes;
  std::vector<std::int64_t> strides;
  /// Position of the first element in bytes, from the start of the file or, if `packed`, of the storage once
  /// it is unpacked.
  std::int64_t offset = 0;
  bool packed = false;  ///< compressed in the file

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

struct TensorAlias;

/// What a reader noticed beside the tensors, for people to read.
struct FileNotes {
  std::vector<std::string> globals;        ///< names in the pickle that have a meaning here, sorted
  std::vector<std::string> inert_globals;  ///< names that were accepted and ignored, sorted
  std::vector<std::string> remarks;        ///< what was odd in the file, and what was made of it
  NamedScalars scalars;                    ///< at the top level of a .ckpt, with the types of Python
};

/// A part of a file that carries a checksum.
struct FileCheck {
  std::string what;           ///< "zip entry 'archive/data/7'"
  std::uint64_t bytes = 0;    ///< that are read
  std::function<void()> run;  ///< throws CheckpointError if they do not match
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
  /// "pytorch-zip", "pytorch-legacy", "safetensors", one of these after "sharded ", or "diffusers folder".
  const std::string& format() const;
  /// All names, in the order of the file.
  const std::vector<std::string>& names() const;
  bool contains(const std::string& name) const;
  /// Shape, type and place of a tensor. Throws CheckpointError naming the file and the key if there is no
  /// such tensor, or if the entry that holds it is damaged. The reference lives as long as any copy of this
  /// object.
  const TensorInfo& info(const std::string& name) const;
  /// The tensor on the CPU, with the sizes and strides of `info`, without a copy where the file and the
  /// choice of mmap allow it; then two calls give two tensors over the same memory, and so do two names that
  /// share a storage in the file. The memory is private to this process and writable. It stays valid after
  /// the StateDict is gone. Errors as for `info`, and if the file was cut short meanwhile.
  LoadedTensor tensor(const std::string& name) const;
  /// What the file says besides tensors: the __metadata__ of a .safetensors file; for a .ckpt the scalars at
  /// its top level (epoch, global_step, pytorch-lightning_version) as text.
  std::map<std::string, std::string> metadata() const;
  const FileNotes& notes() const;
  /// The checksums of the file, or of all files; none for formats that have none. They read everything.
  std::vector<FileCheck> checks() const;
  /// Makes a tensor's bytes quick to read from now on, for whoever will read them all (MappedFile::populate).
  void populate(const std::string& name) const;
  /// Lets go of the memory of a tensor that was read and not written to; it is read again when it is touched.
  /// For walks over files larger than the memory.
  void release(const std::string& name) const;

 private:
  friend StateDict view_of(std::string, std::string, const std::vector<TensorAlias>&,
                           std::map<std::string, std::string>, std::vector<std::string>);
  std::shared_ptr<const Impl> impl_;
};

/// A tensor of another StateDict under a new name and, where `sizes` are given, in another shape of as many
/// elements, for which the tensor must be contiguous.
struct TensorAlias {
  std::string name;
  StateDict source;
  std::string source_name;
  std::vector<std::int64_t> sizes;
};

/// A StateDict of tensors that lie in others, in this order: parts of a model that come in several files, or
/// other names for the same tensors. Notes and checks are those of the sources, with `remarks` before theirs.
/// Throws CheckpointError if a name is there twice, a source has no such tensor, or a shape does not fit.
StateDict view_of(std::string path, std::string format, const std::vector<TensorAlias>& tensors,
                  std::map<std::string, std::string> metadata = {}, std::vector<std::string> remarks = {});

}  // namespace ldm::checkpoint
