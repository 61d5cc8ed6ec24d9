#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/mapping_guard.h"
#include "ldm/cli/byte_progress.h"
#include "ldm/cli/ckpt_command_line.h"
#include "ldm/cli/ckpt_commands.h"
#include "ldm/cli/ckpt_files.h"
#include "ldm/cli/interrupts.h"
#include "ldm/modules/encoders/clip_merges.h"
#include "ldm/modules/encoders/clip_tokenizer.h"
#include "ldm/pipelines/generation_options.h"
#include "ldm/pipelines/prompts.h"
#include "ldm/weights/conversion.h"
#include "ldm/weights/report_text.h"

namespace ldm::cli {
namespace {

namespace fs = std::filesystem;
using weights::WeightsFormat;

constexpr std::size_t kNamesShown = 5;
constexpr const char* kEnding =
    "OUT appears when it is whole; Ctrl-C leaves nothing behind.\n"
    "\n"
    "Exit status: 0 done; 1 some other failure; 2 wrong options; 3 a file that is missing, damaged or does\n"
    "not fit; 4 OUT cannot be written, or the disk is full; 5 out of memory; 130 interrupted.\n";

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// The form of OUT, from --to or its name. Other programs go by the name, so one that tells of another form
/// is refused.
WeightsFormat format_of(const ConvertOptions& options, const std::string& out) {
  const std::array<std::pair<const char*, WeightsFormat>, 2> by_name{
      {{".ckpt", WeightsFormat::ckpt}, {".safetensors", WeightsFormat::safetensors}}};
  const std::array<std::pair<const char*, WeightsFormat>, 3> by_option{
      {{"ckpt", WeightsFormat::ckpt},
       {"safetensors", WeightsFormat::safetensors},
       {"diffusers", WeightsFormat::diffusers}}};
  for (const auto& [option, format] : by_option) {
    if (options.to != option) continue;
    for (const auto& [end, named] : by_name) {
      if (ends_with(out, end) && named != format) {
        throw OptionError("OUT: expected a name for --to " + options.to + ", got '" + out + "'");
      }
    }
    return format;
  }
  for (const auto& [end, format] : by_name) {
    if (ends_with(out, end)) return format;
  }
  throw OptionError("OUT: expected a name that ends in .ckpt or .safetensors, or --to, got '" + out + "'");
}

std::optional<c10::ScalarType> dtype_of(const std::string& text) {
  if (text == "fp16") return c10::ScalarType::Half;
  if (text == "bf16") return c10::ScalarType::BFloat16;
  if (text == "fp32") return c10::ScalarType::Float;
  return std::nullopt;
}

weights::EmaTreatment ema_of(const std::string& text) {
  if (text == "only") return weights::EmaTreatment::only;
  return text == "drop" ? weights::EmaTreatment::drop : weights::EmaTreatment::keep;
}

/// The tokens that the lines of a file use, with those that begin and end every text.
std::optional<std::vector<std::int64_t>> tokens_of(const std::string& path) {
  if (path.empty()) return std::nullopt;
  const ClipTokenizer tokenizer(clip_merges());
  std::set<std::int64_t> tokens{ClipTokenizer::kStartOfText, ClipTokenizer::kEndOfText};
  for (const std::string& line : read_prompts(path, "--only-tokens")) {
    for (const std::int64_t token : tokenizer.tokenize(line)) tokens.insert(token);
  }
  return std::vector<std::int64_t>(tokens.begin(), tokens.end());
}

/// Throws if OUT may not be written: it is IN, or there already.
void check_output(const std::string& in, const std::string& out, const ConvertOptions& options) {
  std::error_code ignored;
  for (const std::string& input : {in, options.vae, options.open.ema_ckpt}) {
    if (!input.empty() && fs::equivalent(input, out, ignored)) {
      throw OptionError("OUT: expected another file than those that are read, got '" + out + "'");
    }
  }
  if (!fs::exists(fs::symlink_status(out, ignored))) return;
  if (fs::is_directory(out, ignored)) {
    if (fs::is_empty(out, ignored) && options.to == "diffusers") return;
    throw OptionError("OUT: expected a new name, got the folder '" + out +
                      "'; an empty one is taken with --to diffusers, others are never replaced");
  }
  if (!options.force) {
    throw OptionError("OUT: expected a new name, got the file '" + out + "'; --force replaces it");
  }
}

std::string names_text(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kNamesShown); ++i) text += "\n" + names[i];
  return text +
         (names.size() > kNamesShown ? "\nand " + std::to_string(names.size() - kNamesShown) + " more" : "");
}

void say_overflows(const weights::ConversionReport& report, const std::string& dtype,
                   ConsoleReporter& reporter) {
  std::int64_t count = 0;
  std::vector<std::string> names;
  for (const weights::Overflow& overflow : report.overflows) {
    count += overflow.count;
    names.push_back(overflow.name + " (" + std::to_string(overflow.count) + ")");
  }
  if (count == 0) return;
  reporter.warning(weights::counted(count, "value") + " in " +
                   weights::counted(static_cast<std::int64_t>(names.size()), "tensor") + " too large for " +
                   dtype + " became infinite:" + names_text(names));
}

void say_end(const weights::ConversionReport& report, const ConvertOptions& options, double seconds,
             ConsoleReporter& reporter) {
  say_overflows(report, options.dtype, reporter);
  std::string text = weights::counted(static_cast<std::int64_t>(report.tensors), "tensor") + ", " +
                     weights::bytes_text(report.bytes);
  if (report.converted > 0)
    text += ", " + std::to_string(report.converted) + " converted to " + options.dtype;
  if (!report.dropped.empty()) text += ", " + std::to_string(report.dropped.size()) + " left out";
  std::array<char, 32> time{};
  std::snprintf(time.data(), time.size(), ", in %.1f s", seconds);
  reporter.say(text + time.data());
}

weights::ConversionReport convert(const std::string& in, const std::string& out,
                                  const ConvertOptions& options, const Interrupts& interrupts) {
  weights::ConversionOptions how;
  how.format = format_of(options, out);
  how.dtype = dtype_of(options.dtype);
  how.ema = ema_of(options.ema);
  if (options.deflate) {
    if (how.format != WeightsFormat::ckpt) {
      throw OptionError("--deflate: expected a .ckpt to write, got '" + out + "'");
    }
    how.packing = checkpoint::CkptPacking::deflated;
  }
  how.kept_tokens = tokens_of(options.only_tokens);
  if (!options.vae.empty()) {
    OpenOptions other = options.open;
    other.ema_ckpt.clear();
    how.vae = open_file(options.vae, other);
  }
  ByteProgress progress(standard_console(), [&] { return interrupts.any(); });
  how.progress = [&](std::uint64_t done, std::uint64_t total) {
    checkpoint::check_mappings();
    progress.report(done, total);
  };
  return convert_weights(open_file(in, options.open), out, how);
}

}  // namespace

ExitStatus convert_command(const std::vector<std::string>& arguments) {
  ConvertOptions options;
  CommandLine line = convert_command_line(options);
  if (!parse_or_help(line, arguments, options.open, kEnding)) return ExitStatus::success;
  require_files(line, 2, "two names IN and OUT");
  const std::string& in = line.files()[0];
  std::string out = line.files()[1];
  if (options.to.empty() && ends_with(out, "/")) options.to = "diffusers";
  if (options.to == "diffusers") {
    while (out.size() > 1 && out.back() == '/') out.pop_back();
  }
  check_output(in, out, options);
  const auto start = std::chrono::steady_clock::now();
  Interrupts interrupts(kStopping, /*second_aborts=*/false);
  ConsoleReporter reporter(standard_console(), "ckpt", [&] { return interrupts.any(); });
  const weights::ConversionReport report = convert(in, out, options, interrupts);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  say_end(report, options, seconds.count(), reporter);
  reporter.written(out);
  return ExitStatus::success;
}

}  // namespace ldm::cli
