#include "ldm/closest_name.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace ldm {
namespace {

constexpr std::size_t kCloseEnough = 2;

/// Levenshtein's distance: letters inserted, left out or replaced.
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string closest_name(const std::string& name, const std::vector<std::string>& names) {
  std::size_t best = kCloseEnough + 1;
  std::string closest;
  for (const std::string& candidate : names) {
    const bool comparable =
        candidate.size() <= name.size() + kCloseEnough && name.size() <= candidate.size() + kCloseEnough;
    const std::size_t distance = comparable ? edit_distance(name, candidate) : best;
    if (distance < best && distance < candidate.size()) {
      best = distance;
      closest = candidate;
    }
  }
  return closest;
}

}  // namespace ldm
