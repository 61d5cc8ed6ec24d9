#include "ldm/cli/ckpt_commands.h"

#include <utility>

#include "ldm/cli/byte_progress.h"
#include "ldm/cli/ckpt_command_line.h"
#include "ldm/cli/ckpt_files.h"
#include "ldm/cli/interrupts.h"
#include "ldm/config/config.h"
#include "ldm/pipelines/project_files.h"
#include "ldm/pipelines/strict_fit.h"
#include "ldm/weights/difference_report.h"
#include "ldm/weights/inspection_report.h"
#include "ldm/weights/report_text.h"
#include "ldm/weights/verification.h"

namespace ldm::cli {
namespace {

using weights::Finding;

constexpr const char* kReadingEnding =
    "Exit status: 0 done; 1 some other failure; 2 wrong options; 3 a file that is missing, damaged or none\n"
    "of weights; 5 out of memory; 130 interrupted.\n";
constexpr const char* kDiffEnding =
    "Exit status: 0 no difference; 1 differences; 2 trouble: wrong options, a file that is missing or\n"
    "damaged; 130 interrupted.\n";
constexpr const char* kVerifyEnding =
    "Exit status: 0 nothing found; 1 findings; 2 wrong options; 3 a file that is missing, or so damaged\n"
    "that it cannot be opened; 130 interrupted.\n";

/// Bar and Ctrl-C of a command that reads.
struct Watch {
  Interrupts interrupts{kStopping, /*second_aborts=*/false};
  ByteProgress progress{standard_console(), [this] { return interrupts.any(); }};
};

std::string finding_text(const Finding& finding) {
  return std::string(weights::name_of(finding.kind)) + ": " + finding.subject + ": " + finding.text + "\n";
}

/// The config to hold weights against: the one that is named, else the one of what they are; empty if that
/// has none.
std::string config_of(const VerifyOptions& options, const weights::ModelFamily& family) {
  return options.config.empty() ? family.config : options.config;
}

void add_misfits(const checkpoint::StateDict& state, const VerifyOptions& options,
                 weights::Verification& verification) {
  const weights::ModelFamily family = weights::recognise(state);
  const std::string config = config_of(options, family);
  if (config.empty()) {
    verification.findings.push_back(
        {weights::FindingKind::model, family.name,
         "expected a model with a config of this project, got none; name one with "
         "--config"});
    return;
  }
  for (Finding& finding : find_misfits(state, config::Config::from_file(find_project_file(config)))) {
    verification.findings.push_back(std::move(finding));
  }
}

}  // namespace

ExitStatus inspect_command(const std::vector<std::string>& arguments) {
  InspectOptions options;
  CommandLine line = inspect_command_line(options);
  if (!parse_or_help(line, arguments, options.open, kReadingEnding)) return ExitStatus::success;
  require_files(line, 1, "one FILE");
  Watch watch;
  const std::string& path = line.files()[0];
  const checkpoint::StateDict state = open_file(path, options.open);
  weights::Inspection inspection =
      weights::inspect_weights(state, {options.stats, watch.progress.callback()});
  if (options.hash) inspection.hash = weights::hash_of(path, watch.progress.callback());
  watch.progress.clear();
  print_result(options.json ? to_json(inspection, options.keys) : to_text(inspection, options.keys));
  return ExitStatus::success;
}

ExitStatus diff_command(const std::vector<std::string>& arguments) {
  DiffOptions options;
  CommandLine line = diff_command_line(options);
  if (!parse_or_help(line, arguments, options.open, kDiffEnding)) return ExitStatus::success;
  options.ema ? require_files(line, 1, "one FILE with --ema") : require_files(line, 2, "two files A and B");
  Watch watch;
  const checkpoint::StateDict a = open_file(line.files()[0], options.open);
  const weights::DifferenceOptions how{watch.progress.callback()};
  OpenOptions other = options.open;
  other.ema_ckpt.clear();
  const weights::Difference difference =
      options.ema ? compare_averages(a, how) : compare_weights(a, open_file(line.files()[1], other), how);
  watch.progress.clear();
  print_result(options.json ? to_json(difference, options.limit) : to_text(difference, options.limit));
  return difference.none() ? ExitStatus::success : ExitStatus::failure;
}

ExitStatus verify_command(const std::vector<std::string>& arguments) {
  VerifyOptions options;
  CommandLine line = verify_command_line(options);
  if (!parse_or_help(line, arguments, options.open, kVerifyEnding)) return ExitStatus::success;
  require_files(line, 1, "one FILE");
  Watch watch;
  const checkpoint::StateDict state = open_file(line.files()[0], options.open);
  weights::Verification verification = weights::verify_contents(state, {watch.progress.callback()});
  add_misfits(state, options, verification);
  watch.progress.clear();
  std::string text;
  for (const Finding& finding : verification.findings) text += finding_text(finding);
  const std::string config = config_of(options, weights::recognise(state));
  text += state.path() + ": " + weights::counted(verification.checksums, "checksum") + ", " +
          weights::counted(verification.tensors, "tensor") + (config.empty() ? "" : ", against " + config) +
          ": " +
          (verification.findings.empty()
               ? "nothing found"
               : weights::counted(static_cast<std::int64_t>(verification.findings.size()), "finding")) +
          "\n";
  print_result(text);
  return verification.findings.empty() ? ExitStatus::success : ExitStatus::failure;
}

}  // namespace ldm::cli
