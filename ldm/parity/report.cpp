#include "ldm/parity/report.h"

#include <c10/util/Exception.h>

#include <chrono>
#include <filesystem>
#include <iomanip>
#include <sstream>

#include "ldm/checkpoint/mapping_guard.h"

namespace ldm::parity {
namespace {

void print(std::ostream& out, const TensorResult& result) {
  std::ostringstream line;
  line << "  " << std::left << std::setw(48) << result.name << std::scientific << std::setprecision(2)
       << " max " << result.max_abs_error << "  rel " << result.relative_error << "  "
       << (result.passed ? "ok" : "FAIL");
  if (!result.note.empty()) line << "  " << result.note;
  out << line.str() << '\n';
}

bool run_tokenizer_file(const std::string& path, const RunOptions& options, std::ostream& out) {
  const TokenizerResult result = run_tokenizer(path, options.selftest);
  out << "  " << result.texts - result.differing << " of " << result.texts << " texts have the expected ids";
  if (result.differing > 0) out << "; first difference: '" << result.first_difference << "'";
  out << '\n';
  return options.selftest ? result.differing < result.texts : result.differing == 0;
}

bool run_case(const CaseFile& file, const CaseRunner& runner, ModelCache& models, const RunOptions& options,
              std::ostream& out) {
  Comparison comparison(file, options.tolerance, options.selftest);
  CaseContext context{file, comparison, models, options};
  std::string problem;
  try {
    runner(context);
    checkpoint::check_mappings();
  } catch (const c10::Error& error) {
    problem = error.what_without_backtrace();
  } catch (const std::exception& error) {
    problem = error.what();
  }
  if (!problem.empty()) {
    for (const TensorResult& result : comparison.results()) print(out, result);
    out << "  error: " << problem << '\n';
    return false;
  }
  comparison.finish();
  for (const TensorResult& result : comparison.results()) print(out, result);
  return comparison.passed();
}

void count(Summary& summary, bool passed, const std::string& name, double seconds, std::ostream& out) {
  ++(passed ? summary.passed : summary.failed);
  out << (passed ? "PASSED " : "FAILED ") << name << std::fixed << std::setprecision(1) << " (" << seconds
      << " s)\n"
      << std::flush;
}

}  // namespace

Summary run_files(const std::vector<std::string>& paths, const RunOptions& options, std::ostream& out) {
  Summary summary;
  ModelCache models(options);
  const auto runners = case_runners();
  for (const std::string& path : paths) {
    const std::string name = std::filesystem::path(path).filename().string();
    const auto start = std::chrono::steady_clock::now();
    const auto seconds = [&] {
      return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
    out << name << '\n';
    try {
      if (std::filesystem::path(path).extension() == ".json") {
        const bool passed = run_tokenizer_file(path, options, out);
        count(summary, passed, name, seconds(), out);
        continue;
      }
      const CaseFile file(path);
      if (file.kind().empty()) {
        out << "skipped " << name << ": no case in its metadata\n";
        continue;
      }
      const auto runner = runners.find(file.kind());
      if (runner == runners.end()) {
        out << "not supported: case '" << file.kind() << "'\n";
        summary.not_supported.push_back(name);
        continue;
      }
      const bool passed = run_case(file, runner->second, models, options, out);
      count(summary, passed, name, seconds(), out);
    } catch (const std::exception& error) {
      out << "  error: " << error.what() << '\n';
      count(summary, false, name, seconds(), out);
    }
  }
  out << summary.passed << " passed, " << summary.failed << " failed, " << summary.not_supported.size()
      << " not supported";
  for (std::size_t i = 0; i < summary.not_supported.size(); ++i) {
    out << (i == 0 ? ": " : ", ") << summary.not_supported[i];
  }
  out << '\n';
  return summary;
}

}  // namespace ldm::parity
