#include <algorithm>
#include <sstream>
#include <vector>

#include "ldm/checkpoint/bytes.h"
#include "ldm/weights/inspection_report.h"
#include "ldm/weights/report_text.h"

namespace ldm::weights {
namespace {

using checkpoint::printable;

constexpr std::size_t kTitleWidth = 14;
constexpr std::size_t kNamesShown = 10;

/// Lines "  title         text"; text of several lines goes on below itself.
class Lines {
 public:
  void add(const std::string& title, const std::string& text) {
    out_ += "  " + padded(title, kTitleWidth) + text + "\n";
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + printable(word);
  return text;
}

std::string amount_text(const Amount& amount) {
  return counted(amount.parameters, "parameter") + " in " + counted(amount.tensors, "tensor") + " (" +
         bytes_text(static_cast<std::uint64_t>(amount.bytes)) + ")";
}

void add_model(Lines& lines, const Inspection& inspection) {
  const ModelFamily& family = inspection.family;
  lines.add("model", family.name + (family.config.empty() ? "" : ", fits " + family.config));
  if (!family.advice.empty()) lines.add("", family.advice);
  for (const auto& [dtype, amount] : inspection.by_dtype) {
    lines.add(dtype, counted(amount.elements, "number") + " in " + counted(amount.tensors, "tensor") + " (" +
                         bytes_text(static_cast<std::uint64_t>(amount.bytes)) + ")");
  }
  for (const auto& [part, amount] : inspection.by_part) lines.add(title_of(part), amount_text(amount));
}

std::string ema_text(const EmaFacts& ema) {
  std::string text;
  switch (ema.kind) {
    case EmaKind::none:
      return "none";
    case EmaKind::twins:
      text = "trained weights and their averages";
      break;
    case EmaKind::averages_only:
      text = "averages under model_ema.*, without trained weights";
      break;
    case EmaKind::looks_ema_only:
      text = "looks EMA-only: counters of averages and no averages, so that the plain weights should be they";
      break;
  }
  if (ema.averages > 0) text += ", " + counted(ema.averages, "average");
  if (ema.decay) text += ", decay " + number_text(*ema.decay);
  if (ema.num_updates) text += ", " + counted(*ema.num_updates, "update");
  return text;
}

std::string distance_text(const TensorDistance& distance) {
  return "relative L2 " + padded(number_text(distance.relative()), 11) + "largest " +
         number_text(distance.largest);
}

void add_ema(Lines& lines, const Inspection& inspection) {
  lines.add("averages", ema_text(inspection.ema));
  if (inspection.ema_distances.empty()) return;
  lines.add("", "averages against trained weights:");
  std::size_t width = 0;
  for (const BlockDistance& block : inspection.ema_distances) width = std::max(width, block.block.size());
  for (const BlockDistance& block : inspection.ema_distances) {
    lines.add("", padded(block.block, width + 2) + distance_text(block.distance));
  }
  lines.add("", padded("all", width + 2) + distance_text(inspection.ema_distance));
}

void add_statistics(Lines& lines, const Inspection& inspection) {
  std::int64_t nan = 0, infinite = 0;
  std::vector<std::string> names;
  for (const KeyFacts& key : inspection.keys) {
    if (key.statistics->finite()) continue;
    nan += key.statistics->nan;
    infinite += key.statistics->infinite;
    names.push_back(key.name);
  }
  if (names.empty()) {
    lines.add("values", "all finite");
    return;
  }
  lines.add("values", grouped(nan) + " NaN and " + grouped(infinite) + " infinite in " +
                          counted(static_cast<std::int64_t>(names.size()), "tensor") + ":");
  for (std::size_t i = 0; i < std::min(names.size(), kNamesShown); ++i) lines.add("", printable(names[i]));
  if (names.size() > kNamesShown)
    lines.add("", "and " + std::to_string(names.size() - kNamesShown) + " more");
}

void add_notes(Lines& lines, const Inspection& inspection) {
  for (const auto& [key, value] : inspection.metadata)
    lines.add("metadata", printable(key) + ": " + printable(value));
  const checkpoint::FileNotes& notes = inspection.notes;
  if (!notes.globals.empty()) lines.add("pickle", "names used: " + join(notes.globals));
  if (!notes.inert_globals.empty())
    lines.add("", "names ignored, nothing of them run: " + join(notes.inert_globals));
  for (const std::string& remark : notes.remarks) lines.add("remark", remark);
}

void add_hash(Lines& lines, const FileHash& hash) {
  lines.add("SHA-256", hash.sha256);
  lines.add("short hash", hash.short_hash() + " (webui), " + hash.old_short + " (its old form)");
}

void add_keys(std::ostringstream& out, const Inspection& inspection) {
  std::size_t width = 0;
  for (const KeyFacts& key : inspection.keys) width = std::max(width, printable(key.name).size());
  for (const KeyFacts& key : inspection.keys) {
    out << padded(printable(key.name), width + 2) << padded(dtype_name(key.dtype), 10);
    if (!key.statistics) {
      out << shape_text(key.sizes) << '\n';
      continue;
    }
    const TensorStatistics& values = *key.statistics;
    out << padded(shape_text(key.sizes), 22) << " min " << padded(number_text(values.minimum), 11) << " max "
        << padded(number_text(values.maximum), 11) << " mean " << padded(number_text(values.mean), 11)
        << " std " << padded(number_text(values.deviation), 11) << " NaN " << values.nan << " Inf "
        << values.infinite << '\n';
  }
}

}  // namespace

std::string to_text(const Inspection& inspection, bool keys) {
  Lines lines;
  lines.add("format", inspection.format + ", " + bytes_text(inspection.file_bytes) + ", " +
                          counted(inspection.total.tensors, "tensor"));
  add_model(lines, inspection);
  add_ema(lines, inspection);
  if (inspection.has_statistics) add_statistics(lines, inspection);
  add_notes(lines, inspection);
  if (inspection.hash) add_hash(lines, *inspection.hash);
  std::ostringstream out;
  out << inspection.path << '\n' << lines.take();
  if (keys) add_keys(out, inspection);
  return out.str();
}

}  // namespace ldm::weights
