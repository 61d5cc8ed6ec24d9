#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/crc32.h"
#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/output_file.h"
#include "ldm/checkpoint/pickle_writer.h"
#include "ldm/checkpoint/tensor_source.h"
#include "ldm/checkpoint/writer.h"
#include "ldm/checkpoint/zip_plan.h"

namespace ldm::checkpoint {
namespace {

constexpr const char* kRoot = "archive/";  // torch.load takes any
constexpr std::string_view kByteOrder = "little";
constexpr std::string_view kVersion = "3\n";  // of torch's zip files, since PyTorch 1.6

/// Writes entries into their planned places and collects their CRCs.
class ZipOutput {
 public:
  ZipOutput(OutputFile& file, const ZipPlan& plan) : file_(file), plan_(plan) {}

  /// Entries come in the order of the plan.
  void write(const void* data, std::size_t size) {
    const std::size_t index = crcs_.size();
    crcs_.push_back(crc32_of(data, size));
    file_.write_at(plan_.header_offset(index), plan_.local_header(index, crcs_.back()));
    file_.write_at(plan_.data_offset(index), data, size);
  }
  void write(std::string_view bytes) { write(bytes.data(), bytes.size()); }

  void finish() { file_.write_at(plan_.directory_offset(), plan_.directory(crcs_)); }

 private:
  OutputFile& file_;
  const ZipPlan& plan_;
  std::vector<std::uint32_t> crcs_;
};

ZipPlan plan_file(const std::vector<NamedTensorSource>& sources, std::size_t pickle_size) {
  const std::string root = kRoot;
  ZipPlan plan;
  plan.add(root + "data.pkl", pickle_size);
  plan.add(root + "byteorder", kByteOrder.size());
  for (std::size_t i = 0; i < sources.size(); ++i) {
    plan.add(root + "data/" + std::to_string(i), source_bytes(sources[i]));
  }
  plan.add(root + "version", kVersion.size());
  return plan;
}

void check_scalars(const std::string& path, const NamedScalars& scalars) {
  std::unordered_set<std::string> names{"state_dict"};
  for (const NamedScalar& scalar : scalars) {
    const auto* text = std::get_if<std::string>(&scalar.value);
    if (!is_utf8(scalar.name) || (text != nullptr && !is_utf8(*text))) {
      throw CheckpointError("'" + path +
                            "': expected names and texts in UTF-8 beside the tensors, got other " +
                            "bytes at '" + printable(scalar.name) + "'");
    }
    if (!names.insert(scalar.name).second) {
      throw CheckpointError("'" + path + "': expected each name once beside the tensors, got '" +
                            printable(scalar.name) + "' twice");
    }
  }
}

}  // namespace

void write_ckpt(const std::string& path, const std::vector<NamedTensorSource>& sources,
                const NamedScalars& scalars) {
  check_sources(path, sources);
  check_scalars(path, scalars);
  const std::string pickle = make_ckpt_pickle(sources, scalars);
  const ZipPlan plan = plan_file(sources, pickle.size());

  OutputFile file(path, plan.file_size());
  ZipOutput zip(file, plan);
  zip.write(pickle);
  zip.write(kByteOrder);
  for (const NamedTensorSource& source : sources) {
    const at::Tensor tensor = make_contiguous(path, source);
    zip.write(tensor.const_data_ptr(), tensor.nbytes());
  }
  zip.write(kVersion);
  zip.finish();
  file.commit();
}

void write_ckpt(const std::string& path, const std::vector<NamedTensorSource>& sources,
                std::int64_t global_step) {
  write_ckpt(path, sources, NamedScalars{{"global_step", global_step}});
}

}  // namespace ldm::checkpoint
