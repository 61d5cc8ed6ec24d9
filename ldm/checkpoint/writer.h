#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "ldm/checkpoint/scalar.h"

namespace ldm::checkpoint {

/// A tensor to be written. Type and shape are told beforehand, so that the file can be laid out; `make` then
/// gives a tensor of just that type and shape, on any device and with any strides. It is called once, in the
/// order of the list, and its result let go before the next call: a 4 GB file is written without holding 4
/// GB.
struct NamedTensorSource {
  std::string name;
  c10::ScalarType dtype;
  std::vector<std::int64_t> sizes;
  std::function<at::Tensor()> make;
};

/// Writes a .safetensors file whose header lists the tensors in the given order. In the data, tensors with
/// larger elements come first, so that each lies aligned and can be mapped. The file appears under `path`
/// only when it is whole and on the disk (see output_file.h). Throws CheckpointError naming the file for: a
/// name that is empty, no UTF-8, there twice or "__metadata__", a type the format does not have, a tensor
/// that is not as told; WriteError for a folder that cannot be written or a full disk. What `make` throws
/// passes through, after the temporary file is removed.
void write_safetensors(const std::string& path, const std::vector<NamedTensorSource>& sources,
                       const std::map<std::string, std::string>& metadata = {});

/// A value of Python as a .ckpt holds it: None, a plain value, a tensor, a list, a tuple, or a dict with
/// plain values as keys. A tree: nothing is shared.
struct CkptValue {
  enum class Kind { none, scalar, tensor, list, tuple, dict };

  CkptValue() = default;  ///< None
  CkptValue(Scalar value) : kind(Kind::scalar), scalar(std::move(value)) {}
  /// The source's name is for messages; the tensor's place in the tree is what counts in the file.
  CkptValue(NamedTensorSource source) : kind(Kind::tensor), tensor(std::move(source)) {}
  static CkptValue list(std::vector<CkptValue> items = {}) { return CkptValue(Kind::list, std::move(items)); }
  static CkptValue tuple(std::vector<CkptValue> items) { return CkptValue(Kind::tuple, std::move(items)); }
  static CkptValue dict() { return CkptValue(Kind::dict, {}); }
  /// A dict of tensors by their names.
  static CkptValue dict(const std::vector<NamedTensorSource>& sources);

  /// Adds to a dict. Keys must differ; `write_ckpt` checks.
  CkptValue& add(Scalar key, CkptValue value);

  Kind kind = Kind::none;
  Scalar scalar;
  NamedTensorSource tensor;
  std::vector<CkptValue> items;  ///< elements; of a dict key, value, key, value, ...

 private:
  CkptValue(Kind kind_of, std::vector<CkptValue> parts) : kind(kind_of), items(std::move(parts)) {}
};

/// How the entries of a .ckpt are kept. `stored`: as they are, so that they can be mapped. `deflated`: packed
/// where that makes them smaller, as Python's torch.load reads them too; for small models to be passed
/// around, since all packed bytes are in memory before the first is written.
enum class CkptPacking { stored, deflated };

/// Writes a .ckpt as `torch.save(top, path)` does, where `top` is a dict; what training keeps beside its
/// weights comes out again with `open_training_state`. Form, appearance and errors as below.
void write_ckpt(const std::string& path, const CkptValue& top, CkptPacking packing = CkptPacking::stored);

/// Writes a .ckpt as `torch.save({"state_dict": {...}, **scalars}, path)` does: a zip file with
/// zip64 where needed, each tensor contiguous in a storage of its own at a multiple of 64 bytes. Python reads
/// it with `torch.load(path, weights_only=True)`. Training writes `epoch`, `global_step` and
/// `pytorch-lightning_version` as its scalars; the reference's scripts print the second where it is there.
/// Appearance and errors as for `write_safetensors`; types are those with a storage class in torch (float32,
/// float16, bfloat16, float64, int64 ... uint8, bool). Scalars must have names in UTF-8, each once, other
/// than "state_dict".
void write_ckpt(const std::string& path, const std::vector<NamedTensorSource>& sources,
                const NamedScalars& scalars, CkptPacking packing = CkptPacking::stored);
/// The same with `global_step` alone.
void write_ckpt(const std::string& path, const std::vector<NamedTensorSource>& sources,
                std::int64_t global_step = 0);

}  // namespace ldm::checkpoint
