#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/dtype.h"
#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/output_file.h"
#include "ldm/checkpoint/safetensors.h"
#include "ldm/checkpoint/tensor_source.h"
#include "ldm/checkpoint/writer.h"

namespace ldm::checkpoint {
namespace {

using nlohmann::json;

constexpr const char* kMetadata = "__metadata__";
constexpr std::size_t kHeaderAlignment = 64;

struct Layout {
  std::vector<std::uint64_t> begins;  // of each source, from the end of the header
  std::uint64_t size = 0;
};

/// Larger elements first: then each tensor begins at a multiple of its element size, without padding (which
/// the format forbids).
Layout plan_data(const std::vector<NamedTensorSource>& sources) {
  std::vector<std::size_t> order(sources.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return c10::elementSize(sources[a].dtype) > c10::elementSize(sources[b].dtype);
  });
  Layout layout;
  layout.begins.resize(sources.size());
  for (const std::size_t i : order) {
    layout.begins[i] = layout.size;
    layout.size += source_bytes(sources[i]);
  }
  return layout;
}

/// JSON text by hand where the order of many keys counts; nlohmann's ordered object searches them one by one.
std::string make_header(const std::vector<NamedTensorSource>& sources, const Layout& layout,
                        const std::map<std::string, std::string>& metadata) {
  std::string text = "{";
  if (!metadata.empty()) text += json(kMetadata).dump() + ":" + json(metadata).dump();
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const std::uint64_t begin = layout.begins[i];
    const json entry = {{"dtype", safetensors_name_of_dtype(sources[i].dtype)},
                        {"shape", sources[i].sizes},
                        {"data_offsets", {begin, begin + source_bytes(sources[i])}}};
    text += (text.size() > 1 ? "," : "") + json(sources[i].name).dump() + ":" + entry.dump();
  }
  text += "}";
  // Spaces, as the format asks for, up to where the data lies aligned in the file.
  const std::size_t used = (sizeof(std::uint64_t) + text.size()) % kHeaderAlignment;
  text.append((kHeaderAlignment - used) % kHeaderAlignment, ' ');
  return text;
}

void check_texts(const std::string& path, const std::vector<NamedTensorSource>& sources,
                 const std::map<std::string, std::string>& metadata) {
  for (const NamedTensorSource& source : sources) {
    if (source.name == kMetadata) {
      throw CheckpointError("'" + path + "': expected names of tensors, got '" + source.name +
                            "', which the format keeps for itself");
    }
  }
  for (const auto& [key, text] : metadata) {
    if (!is_utf8(key) || !is_utf8(text)) {
      throw CheckpointError("'" + path + "': expected metadata in UTF-8, got other bytes under '" +
                            printable(key) + "'");
    }
  }
}

}  // namespace

void write_safetensors(const std::string& path, const std::vector<NamedTensorSource>& sources,
                       const std::map<std::string, std::string>& metadata) {
  check_sources(path, sources);
  check_texts(path, sources, metadata);
  const Layout layout = plan_data(sources);
  const std::string header = make_header(sources, layout, metadata);
  if (header.size() > kMaxSafetensorsHeader) {
    throw CheckpointError("'" + path + "': expected a header of at most " +
                          std::to_string(kMaxSafetensorsHeader) + " bytes, got " +
                          std::to_string(header.size()));
  }
  std::string prefix;
  append_le(prefix, std::uint64_t{header.size()});
  const std::uint64_t data_start = prefix.size() + header.size();

  OutputFile file(path, data_start + layout.size);
  file.write_at(0, prefix + header);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const at::Tensor tensor = make_contiguous(path, sources[i]);
    file.write_at(data_start + layout.begins[i], tensor.const_data_ptr(), tensor.nbytes());
  }
  file.commit();
}

}  // namespace ldm::checkpoint
