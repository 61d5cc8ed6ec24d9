#include "ldm/cli/generation_session.h"

#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <utility>

#include "ldm/host_memory.h"
#include "ldm/pipelines/picture_folder.h"

namespace ldm::cli {
namespace {

/// The most memory that was in use so far, in bytes: on the device, else of the process.
std::int64_t peak_bytes(const Device& device) {
  if (device.cuda) return peak_memory(device).reserved;
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::int64_t>(usage.ru_maxrss) << 10;
}

std::string count_text(std::int64_t images) {
  return std::to_string(images) + (images == 1 ? " picture" : " pictures");
}

}  // namespace

GenerationSession::GenerationSession(const ModelOptions& options, ReadPicture read_picture,
                                     ConsoleReporter& reporter)
    : precision_(options.precision), reporter_(reporter), model_(options, std::move(read_picture)) {
  const std::string& reason = model_.device().fallback_reason;
  if (!reason.empty()) reporter_.say("no GPU: " + reason);
}

void GenerationSession::say_plan(const GenerationPlan& plan) {
  reporter_.say("plan, on " + model_.device().description + ", precision " + precision_ + "\n" +
                describe(plan));
}

void GenerationSession::show_plan(const GenerationOptions& options) {
  say_plan(model_.prepare(options).plan);
}

void GenerationSession::begin(const GenerationOptions& options) {
  PictureFolder(options, {});
  load();
}

void GenerationSession::load() {
  const std::optional<LoadReport> report = model_.load();
  if (report) reporter_.say("model\n" + report->summary());
}

GenerationResult GenerationSession::run(const GenerationOptions& options) {
  const ModelSession::Job job = model_.prepare(options);
  say_plan(job.plan);
  PictureFolder folder(options, [this](const std::string& path) { reporter_.written(path); });
  load();
  folder.set_parameters(model_.parameters(options, job.plan));
  const auto begun = std::chrono::steady_clock::now();
  const GenerationResult result = model_.paint(options, job, folder, reporter_);
  say_end(result, std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
  return result;
}

void GenerationSession::say_end(const GenerationResult& result, double seconds) {
  char time[32];
  std::snprintf(time, sizeof time, " in %.1f s", seconds);
  reporter_.say((result.complete ? "done: " : "stopped: ") + count_text(result.images) + time +
                ", peak memory " + gibibytes(peak_bytes(model_.device())));
}

}  // namespace ldm::cli
