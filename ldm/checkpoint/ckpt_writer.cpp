#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/crc32.h"
#include "ldm/checkpoint/deflate.h"
#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/output_file.h"
#include "ldm/checkpoint/pickle_writer.h"
#include "ldm/checkpoint/tensor_source.h"
#include "ldm/checkpoint/writer.h"
#include "ldm/checkpoint/zip_format.h"
#include "ldm/checkpoint/zip_plan.h"

namespace ldm::checkpoint {
namespace {

constexpr const char* kRoot = "archive/";  // torch.load takes any
constexpr std::string_view kByteOrder = "little";
constexpr std::string_view kVersion = "3\n";  // of torch's zip files, since PyTorch 1.6

using Tensors = std::vector<const NamedTensorSource*>;

/// Writes entries into their planned places and collects their CRCs.
class ZipOutput {
 public:
  ZipOutput(OutputFile& file, const ZipPlan& plan) : file_(file), plan_(plan) {}

  /// Entries come in the order of the plan.
  void write(const void* data, std::size_t size) { write_packed(data, size, crc32_of(data, size)); }
  void write(std::string_view bytes) { write(bytes.data(), bytes.size()); }
  /// Bytes as they stand in the file, with the CRC-32 of what they are unpacked.
  void write_packed(const void* data, std::size_t size, std::uint32_t crc) {
    const std::size_t index = crcs_.size();
    crcs_.push_back(crc);
    file_.write_at(plan_.header_offset(index), plan_.local_header(index, crc));
    file_.write_at(plan_.data_offset(index), data, size);
  }

  void finish() { file_.write_at(plan_.directory_offset(), plan_.directory(crcs_)); }

 private:
  OutputFile& file_;
  const ZipPlan& plan_;
  std::vector<std::uint32_t> crcs_;
};

/// A tensor's bytes, deflated where that is smaller.
struct PackedTensor {
  std::string bytes;
  std::uint64_t size = 0;
  std::uint32_t crc = 0;
  bool is_deflated = false;
};

PackedTensor pack(const at::Tensor& tensor) {
  PackedTensor packed;
  packed.size = tensor.nbytes();
  packed.crc = crc32_of(tensor.const_data_ptr(), tensor.nbytes());
  packed.bytes = deflate(tensor.const_data_ptr(), tensor.nbytes());
  packed.is_deflated = packed.bytes.size() < packed.size && packed.size < zip::kFull32;
  if (!packed.is_deflated)
    packed.bytes.assign(static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes());
  return packed;
}

/// `packed` is empty for tensors that are stored.
ZipPlan plan_file(const Tensors& tensors, const std::vector<PackedTensor>& packed, std::size_t pickle_size) {
  const std::string root = kRoot;
  ZipPlan plan;
  plan.add(root + "data.pkl", pickle_size);
  plan.add(root + "byteorder", kByteOrder.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const std::string name = root + "data/" + std::to_string(i);
    if (!packed.empty() && packed[i].is_deflated) {
      plan.add_deflated(name, packed[i].size, packed[i].bytes.size());
    } else {
      plan.add(name, source_bytes(*tensors[i]));
    }
  }
  plan.add(root + "version", kVersion.size());
  return plan;
}

[[noreturn]] void fail(const std::string& path, const std::string& expected, const std::string& got) {
  throw CheckpointError("'" + path + "': expected " + expected + ", got " + got);
}

void check_text(const std::string& path, const Scalar& scalar) {
  const auto* text = std::get_if<std::string>(&scalar);
  if (text != nullptr && !is_utf8(*text)) {
    fail(path, "names and texts in UTF-8", "other bytes in '" + printable(*text) + "'");
  }
}

void check_keys(const std::string& path, const CkptValue& dict) {
  std::set<Scalar> keys;
  for (std::size_t i = 0; i < dict.items.size(); i += 2) {
    const CkptValue& key = dict.items[i];
    if (key.kind != CkptValue::Kind::scalar) fail(path, "plain values as the keys of a dict", "another");
    check_text(path, key.scalar);
    if (!keys.insert(key.scalar).second) {
      fail(path, "each name once in a dict", "'" + printable(scalar_text(key.scalar)) + "' twice");
    }
  }
}

/// Checks the tree, and collects its tensors in the order in which the pickle names them.
void collect_tensors(const std::string& path, const CkptValue& value, Tensors& tensors) {
  if (value.kind == CkptValue::Kind::scalar) check_text(path, value.scalar);
  if (value.kind == CkptValue::Kind::tensor) {
    check_source(path, value.tensor);
    tensors.push_back(&value.tensor);
  }
  if (value.kind == CkptValue::Kind::dict) check_keys(path, value);
  for (const CkptValue& item : value.items) collect_tensors(path, item, tensors);
}

}  // namespace

CkptValue CkptValue::dict(const std::vector<NamedTensorSource>& sources) {
  CkptValue made = dict();
  for (const NamedTensorSource& source : sources) made.add(source.name, source);
  return made;
}

CkptValue& CkptValue::add(Scalar key, CkptValue value) {
  items.emplace_back(std::move(key));
  items.push_back(std::move(value));
  return *this;
}

void write_ckpt(const std::string& path, const CkptValue& top, CkptPacking packing) {
  Tensors tensors;
  collect_tensors(path, top, tensors);
  const std::string pickle = make_ckpt_pickle(top);
  std::vector<PackedTensor> packed;
  if (packing == CkptPacking::deflated) {
    for (const NamedTensorSource* source : tensors) packed.push_back(pack(make_contiguous(path, *source)));
  }
  const ZipPlan plan = plan_file(tensors, packed, pickle.size());

  OutputFile file(path, plan.file_size());
  ZipOutput zip(file, plan);
  zip.write(pickle);
  zip.write(kByteOrder);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (packing == CkptPacking::deflated) {
      zip.write_packed(packed[i].bytes.data(), packed[i].bytes.size(), packed[i].crc);
    } else {
      const at::Tensor tensor = make_contiguous(path, *tensors[i]);
      zip.write(tensor.const_data_ptr(), tensor.nbytes());
    }
  }
  zip.write(kVersion);
  zip.finish();
  file.commit();
}

void write_ckpt(const std::string& path, const std::vector<NamedTensorSource>& sources,
                const NamedScalars& scalars, CkptPacking packing) {
  check_sources(path, sources);
  CkptValue top = CkptValue::dict();
  top.add("state_dict", CkptValue::dict(sources));
  for (const NamedScalar& scalar : scalars) top.add(scalar.name, scalar.value);
  write_ckpt(path, top, packing);
}

void write_ckpt(const std::string& path, const std::vector<NamedTensorSource>& sources,
                std::int64_t global_step) {
  write_ckpt(path, sources, NamedScalars{{"global_step", global_step}});
}

}  // namespace ldm::checkpoint
