#include <zlib.h>

#include <string>
#include <string_view>
#include <vector>

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
    crcs_.push_back(static_cast<std::uint32_t>(crc32_z(0, static_cast<const Bytef*>(data), size)));
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

}  // namespace

void write_ckpt(const std::string& path, const std::vector<NamedTensorSource>& sources,
                std::int64_t global_step) {
  check_sources(path, sources);
  const std::string pickle = make_ckpt_pickle(sources, global_step);
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

}  // namespace ldm::checkpoint
