#include "ldm/weights/conversion.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <numeric>
#include <utility>

#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/parallel_pieces.h"
#include "ldm/weights/diffusers_writer.h"
#include "ldm/weights/sd_keys.h"

namespace ldm::weights {
namespace {

using checkpoint::NamedScalars;
using checkpoint::NamedTensorSource;
using checkpoint::StateDict;

// Elements that a thread takes at a time, and those that it converts at a time: what was converted is still
// in the cache when it is looked through.
constexpr std::int64_t kPiece = std::int64_t{1} << 20;
constexpr std::int64_t kBlock = std::int64_t{1} << 15;

std::int64_t count_infinite(const at::Tensor& values) {
  return values.isinf().sum().item<std::int64_t>();
}

/// Whether any of the 16-bit values has all exponent bits set, `exponent` being their mask: infinite or NaN.
bool any_not_finite(const at::Tensor& block, std::uint16_t exponent) {
  const auto* bits = static_cast<const std::uint16_t*>(block.const_data_ptr());
  const std::int64_t count = block.numel();
  unsigned found = 0;
  for (std::int64_t i = 0; i < count; ++i) found |= (bits[i] & exponent) == exponent ? 1U : 0U;
  return found != 0;
}

struct Converted {
  at::Tensor tensor;
  std::int64_t overflows = 0;
};

/// Converts the elements of two flat tensors from `first` on; gives how many finite ones became infinite.
std::int64_t convert_piece(const at::Tensor& from, const at::Tensor& to, std::int64_t first,
                           std::int64_t count) {
  const c10::ScalarType dtype = to.scalar_type();
  const bool widens = c10::elementSize(dtype) > c10::elementSize(from.scalar_type());
  const bool narrow = c10::elementSize(dtype) == sizeof(std::uint16_t);
  const std::uint16_t exponent = dtype == at::kHalf ? 0x7c00 : 0x7f80;
  std::int64_t overflows = 0;
  for (std::int64_t at = first; at < first + count; at += kBlock) {
    const std::int64_t size = std::min(kBlock, first + count - at);
    const at::Tensor source = from.narrow(0, at, size);
    at::Tensor block = to.narrow(0, at, size);
    block.copy_(source);
    if (widens || (narrow && !any_not_finite(block, exponent))) continue;
    overflows += count_infinite(block) - count_infinite(source);
  }
  return overflows;
}

/// A contiguous tensor in another floating point type, and how many finite values became infinite.
Converted convert_values(const at::Tensor& tensor, c10::ScalarType dtype) {
  const at::Tensor from = tensor.view({-1});
  const at::Tensor to = at::empty(from.sizes(), at::TensorOptions().dtype(dtype));
  const std::int64_t numel = from.numel();
  std::vector<std::int64_t> overflows(static_cast<std::size_t>((numel + kPiece - 1) / kPiece), 0);
  checkpoint::for_each_piece(overflows.size(), [&](std::size_t piece) {
    const std::int64_t first = static_cast<std::int64_t>(piece) * kPiece;
    overflows[piece] = convert_piece(from, to, first, std::min(kPiece, numel - first));
  });
  return {to.view(tensor.sizes()), std::accumulate(overflows.begin(), overflows.end(), std::int64_t{0})};
}

/// The rows of a table [rows, width], zeros in the place of all others. Rows that it does not have are passed
/// over.
at::Tensor with_rows(const at::Tensor& table, const std::vector<std::int64_t>& rows) {
  at::Tensor kept = at::zeros_like(table);
  for (const std::int64_t row : rows) {
    if (row >= 0 && row < table.size(0)) kept[row].copy_(table[row]);
  }
  return kept;
}

/// Gives the tensors one after another, in whatever order a writer asks, and lets go of the input's pages
/// behind it.
class Conversion {
 public:
  Conversion(StateDict state, const ConversionOptions& options, ConversionReport& report)
      : state_(std::move(state)), options_(options), report_(report) {}

  std::vector<NamedTensorSource> sources() {
    std::vector<NamedTensorSource> list;
    for (const std::string& name : state_.names()) {
      const checkpoint::TensorInfo& info = state_.info(name);
      const c10::ScalarType dtype = converted_type(name, info.dtype, options_);
      total_ += static_cast<std::uint64_t>(info.numel()) * c10::elementSize(dtype);
      list.push_back({name, dtype, info.sizes, [this, name, dtype] { return make(name, dtype); }});
    }
    report_.tensors = list.size();
    report_.bytes = total_;
    return list;
  }

 private:
  at::Tensor make(const std::string& name, c10::ScalarType dtype) {
    if (!last_.empty()) state_.release(last_);
    last_ = name;
    if (options_.progress) options_.progress(done_, total_);
    at::Tensor tensor = state_.tensor(name).tensor;
    if (options_.kept_tokens && name == kTokenTable) tensor = with_rows(tensor, *options_.kept_tokens);
    done_ += static_cast<std::uint64_t>(tensor.numel()) * c10::elementSize(dtype);
    if (tensor.scalar_type() == dtype) return tensor;
    const Converted converted = convert_values(tensor.contiguous(), dtype);
    ++report_.converted;
    if (converted.overflows > 0) report_.overflows.push_back({name, converted.overflows});
    return converted.tensor;
  }

  StateDict state_;
  const ConversionOptions& options_;
  ConversionReport& report_;
  std::uint64_t done_ = 0, total_ = 0;
  std::string last_;
};

/// What goes beside the tensors of a .ckpt. Metadata of .safetensors files are texts; those two are numbers
/// in every .ckpt, and programs that read them expect that.
NamedScalars scalars_of(const StateDict& state) {
  if (!state.notes().scalars.empty()) return state.notes().scalars;
  NamedScalars scalars;
  for (const auto& [name, text] : state.metadata()) {
    if (name == "format" || name == "state_dict") continue;
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    if (whole && (name == "epoch" || name == "global_step")) {
      scalars.push_back({name, number});
    } else {
      scalars.push_back({name, text});
    }
  }
  return scalars;
}

std::map<std::string, std::string> metadata_of(const StateDict& state) {
  std::map<std::string, std::string> metadata = state.metadata();
  metadata.emplace("format", "pt");
  return metadata;
}

/// Writes, and gives the names that the form has no place for.
std::vector<std::string> write(const std::string& path, const StateDict& state,
                               const ConversionOptions& options,
                               const std::vector<NamedTensorSource>& sources) {
  switch (options.format) {
    case WeightsFormat::ckpt:
      checkpoint::write_ckpt(path, sources, scalars_of(state), options.packing);
      return {};
    case WeightsFormat::safetensors:
      checkpoint::write_safetensors(path, sources, metadata_of(state));
      return {};
    case WeightsFormat::diffusers:
      break;
  }
  return write_diffusers_folder(path, sources).left_out;
}

}  // namespace

c10::ScalarType converted_type(const std::string& name, c10::ScalarType dtype,
                               const ConversionOptions& options) {
  if (!options.dtype || !c10::isFloatingType(dtype)) return dtype;
  const ModelPart part = part_of(name);
  const bool stays = part == ModelPart::schedule || (part == ModelPart::ema && !is_average(name));
  return stays ? dtype : *options.dtype;
}

ConversionReport convert_weights(const StateDict& state, const std::string& path,
                                 const ConversionOptions& options) {
  ConversionReport report;
  const StateDict chosen = select_weights(state, options);
  if (options.kept_tokens && !chosen.contains(std::string(kTokenTable))) {
    throw checkpoint::CheckpointError(state.path() +
                                      ": expected a text encoder whose tokens can be kept or not, got none");
  }
  for (const std::string& name : state.names()) {
    if (!chosen.contains(name)) report.dropped.push_back(name);
  }
  Conversion conversion(chosen, options, report);
  const std::vector<std::string> left_out = write(path, state, options, conversion.sources());
  report.dropped.insert(report.dropped.end(), left_out.begin(), left_out.end());
  if (options.progress) options.progress(report.bytes, report.bytes);
  return report;
}

}  // namespace ldm::weights
