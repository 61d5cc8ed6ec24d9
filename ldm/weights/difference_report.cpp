#include "ldm/weights/difference_report.h"

#include <algorithm>
#include <sstream>

#include "ldm/checkpoint/bytes.h"
#include "ldm/weights/inspection.h"
#include "ldm/weights/report_json.h"
#include "ldm/weights/report_text.h"

namespace ldm::weights {
namespace {

using checkpoint::printable;

std::size_t shown(std::size_t count, std::int64_t limit) {
  return limit == 0 ? count : std::min(count, static_cast<std::size_t>(limit));
}

void add_rest(std::ostringstream& out, std::size_t count, std::int64_t limit) {
  const std::size_t rest = count - shown(count, limit);
  if (rest > 0) out << "  and " << rest << " more (--limit 0 shows all)\n";
}

std::string values_text(const TensorDistance& distance) {
  return "relative L2 " + padded(number_text(distance.relative()), 11) + "largest " +
         padded(number_text(distance.largest), 11) + grouped(distance.unequal) + " unequal";
}

/// What is different about a tensor, values last.
std::string change_text(const TensorChange& change) {
  std::string text;
  if (!change.same_shape())
    text += "shape " + shape_text(change.sizes_a) + " and " + shape_text(change.sizes_b) + " ";
  if (change.dtype_a != change.dtype_b) {
    text += "type " + dtype_name(change.dtype_a) + " and " + dtype_name(change.dtype_b) + " ";
  }
  return change.same_shape() ? text + values_text(change.distance) : text;
}

void add_groups(std::ostringstream& out, const Difference& difference) {
  std::size_t width = 0;
  for (const GroupDistance& group : difference.groups) width = std::max(width, group.name.size());
  out << "by block and part:\n";
  for (const GroupDistance& group : difference.groups) {
    out << "  " << padded(group.name, width + 2)
        << padded(std::to_string(group.changed) + " of " + std::to_string(group.tensors), 12)
        << values_text(group.distance) << '\n';
  }
}

void add_changes(std::ostringstream& out, const Difference& difference, std::int64_t limit) {
  const std::size_t count = shown(difference.changed.size(), limit);
  std::size_t width = 0;
  for (std::size_t i = 0; i < count; ++i) {
    width = std::max(width, printable(difference.changed[i].name).size());
  }
  out << "different:\n";
  for (std::size_t i = 0; i < count; ++i) {
    const TensorChange& change = difference.changed[i];
    out << "  " << padded(printable(change.name), width + 2) << change_text(change) << '\n';
  }
  add_rest(out, difference.changed.size(), limit);
}

void add_names(std::ostringstream& out, const std::string& title, const std::vector<std::string>& names,
               std::int64_t limit) {
  if (names.empty()) return;
  out << title << ":\n";
  for (std::size_t i = 0; i < shown(names.size(), limit); ++i) out << "  " << printable(names[i]) << '\n';
  add_rest(out, names.size(), limit);
}

Json change_json(const TensorChange& change) {
  Json json{{"name", change.name},
            {"dtype_a", dtype_name(change.dtype_a)},
            {"dtype_b", dtype_name(change.dtype_b)},
            {"shape_a", change.sizes_a},
            {"shape_b", change.sizes_b}};
  if (change.same_shape()) json.update(distance_json(change.distance));
  return json;
}

Json names_json(const std::vector<std::string>& names, std::int64_t limit) {
  const auto count = static_cast<std::ptrdiff_t>(shown(names.size(), limit));
  return std::vector<std::string>(names.begin(), names.begin() + count);
}

}  // namespace

std::string to_text(const Difference& difference, std::int64_t limit) {
  std::ostringstream out;
  out << "A " << difference.path_a << "\nB " << difference.path_b << '\n'
      << difference.same << " same, " << difference.changed.size() << " different, "
      << difference.only_a.size() << " only in A, " << difference.only_b.size() << " only in B\n";
  if (!difference.changed.empty()) {
    add_groups(out, difference);
    add_changes(out, difference, limit);
  }
  add_names(out, "only in A", difference.only_a, limit);
  add_names(out, "only in B", difference.only_b, limit);
  return out.str();
}

std::string to_json(const Difference& difference, std::int64_t limit) {
  Json json{{"a", difference.path_a},
            {"b", difference.path_b},
            {"same", difference.same},
            {"different", difference.changed.size()},
            {"only_in_a", difference.only_a.size()},
            {"only_in_b", difference.only_b.size()},
            {"distance", distance_json(difference.distance)},
            {"groups", Json::object()},
            {"tensors", Json::array()},
            {"names_only_in_a", names_json(difference.only_a, limit)},
            {"names_only_in_b", names_json(difference.only_b, limit)}};
  for (const GroupDistance& group : difference.groups) {
    Json entry{{"tensors", group.tensors}, {"different", group.changed}};
    entry.update(distance_json(group.distance));
    json["groups"][group.name] = std::move(entry);
  }
  for (std::size_t i = 0; i < shown(difference.changed.size(), limit); ++i) {
    json["tensors"].push_back(change_json(difference.changed[i]));
  }
  return dump(json);
}

}  // namespace ldm::weights
