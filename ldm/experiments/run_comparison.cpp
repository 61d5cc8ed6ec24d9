#include "ldm/experiments/run_comparison.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <sstream>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "ldm/data/png.h"
#include "ldm/experiments/image_metrics.h"
#include "ldm/experiments/metric_names.h"
#include "ldm/files/error.h"
#include "ldm/files/input_file.h"
#include "ldm/files/output_folder.h"

namespace ldm::experiments {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kLongestTable = std::uint64_t{1} << 30;

/// One line of a results.jsonl.
struct Row {
  std::string file;
  std::vector<std::pair<std::string, std::string>> axes;  ///< with "model"
  std::map<std::string, double> metrics;
};
/// Rows by what identifies them in both runs.
using Rows = std::map<std::string, Row>;

Row row_of(const Json& line, const std::string& folder) {
  Row row;
  row.file = files::join(folder, line.at("file").get<std::string>());
  row.axes.emplace_back("model", line.at("model").get<std::string>());
  for (const auto& [name, value] : line.at("axes").items())
    row.axes.emplace_back(name, value.get<std::string>());
  for (const auto& [name, value] : line.at("metrics").items()) {
    if (value.is_number()) row.metrics[name] = value.get<double>();
  }
  return row;
}

std::string identity_of(const Json& line) {
  return Json{line.at("model"), line.at("axes"), line.at("prompt"), line.at("negative_prompt"),
              line.at("seed")}
      .dump();
}

Rows read_rows(const std::string& folder) {
  const std::string path = files::join(folder, "results.jsonl");
  std::istringstream lines(files::read_file(path, "the results of a run", kLongestTable));
  Rows rows;
  int number = 0;
  for (std::string text; std::getline(lines, text);) {
    ++number;
    try {
      const Json line = Json::parse(text);
      rows[identity_of(line)] = row_of(line, folder);
    } catch (const nlohmann::json::exception& error) {
      throw files::FileError(
          path + ":" + std::to_string(number) +
          ": expected a picture's line as `experiment run` writes it, got: " + error.what());
    }
  }
  return rows;
}

/// What two pictures, or many pairs of them, differ by.
struct Difference {
  std::int64_t pairs = 0, equal = 0, other_size = 0;
  std::int64_t compared = 0;  ///< of one size, and not equal
  double psnr_sum = 0, psnr_least = 0, ssim_sum = 0, mad_sum = 0, mad_most = 0;

  void add(const at::Tensor& a, const at::Tensor& b) {
    ++pairs;
    if (a.sizes() != b.sizes()) {
      ++other_size;
      return;
    }
    const double apart = psnr(a, b);
    if (std::isinf(apart)) {
      ++equal;
      return;
    }
    psnr_least = compared == 0 ? apart : std::min(psnr_least, apart);
    ++compared;
    psnr_sum += apart;
    ssim_sum += ssim(a, b);
    const double mad = mean_absolute_difference(a, b);
    mad_sum += mad;
    mad_most = std::max(mad_most, mad);
  }

  std::string text() const {
    std::string line = std::to_string(pairs) + " pairs, " + std::to_string(equal) + " with equal pixels";
    if (other_size > 0) line += ", " + std::to_string(other_size) + " of different sizes";
    if (compared == 0) return line;
    const auto n = static_cast<double>(compared);
    char numbers[160];
    std::snprintf(numbers, sizeof numbers,
                  "; the others: PSNR mean %.2f dB, least %.2f dB; SSIM mean %.4f; mean absolute difference "
                  "%.3f, most %.3f",
                  psnr_sum / n, psnr_least, ssim_sum / n, mad_sum / n, mad_most);
    return line + numbers;
  }
};

/// The mean of each metric that both runs have.
struct Means {
  std::map<std::string, std::pair<double, double>> sums;
  std::map<std::string, std::int64_t> counts;

  void add(const Row& a, const Row& b) {
    for (const auto& [name, value] : a.metrics) {
      const auto other = b.metrics.find(name);
      if (other == b.metrics.end()) continue;
      sums[name].first += value;
      sums[name].second += other->second;
      ++counts[name];
    }
  }

  std::string text() const {
    std::string lines;
    for (const auto& [name, sum] : sums) {
      const auto n = static_cast<double>(counts.at(name));
      char line[128];
      std::snprintf(line, sizeof line, "  %-18s %12.4f %12.4f\n", name.c_str(), sum.first / n,
                    sum.second / n);
      lines += line;
    }
    return lines.empty() ? "" : "mean metrics               A            B\n" + lines;
  }
};

}  // namespace

std::string compare_runs(const std::string& folder_a, const std::string& folder_b) {
  const Rows a = read_rows(folder_a), b = read_rows(folder_b);
  Difference all;
  std::vector<std::pair<std::string, Difference>> by_value;
  Means means;
  for (const auto& [identity, row] : a) {
    const auto other = b.find(identity);
    if (other == b.end()) continue;
    const at::Tensor picture_a = data::read_png(row.file).pixels,
                     picture_b = data::read_png(other->second.file).pixels;
    all.add(picture_a, picture_b);
    means.add(row, other->second);
    for (const auto& [axis, value] : row.axes) {
      const std::string name = axis + " " + value;
      auto found =
          std::find_if(by_value.begin(), by_value.end(), [&](const auto& one) { return one.first == name; });
      if (found == by_value.end()) found = by_value.insert(by_value.end(), {name, Difference()});
      found->second.add(picture_a, picture_b);
    }
  }
  const auto only = [&](const Rows& rows) {
    return std::to_string(static_cast<std::int64_t>(rows.size()) - all.pairs);
  };
  std::string text = "A: " + folder_a + "\nB: " + folder_b + "\nonly in A: " + only(a) +
                     ", only in B: " + only(b) + "\nall: " + all.text() + "\n";
  for (const auto& [name, difference] : by_value) text += "  " + name + ": " + difference.text() + "\n";
  return text + means.text();
}

}  // namespace ldm::experiments
