#include "ldm/experiments/runner.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "ldm/data/png.h"
#include "ldm/models/diffusion/ddim.h"

namespace ldm::experiments {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kBetweenTables(3);
constexpr std::chrono::milliseconds kBetweenLooks(200);
constexpr std::int64_t kAllTimesteps = 1000;

double seconds_since(Clock::time_point begun) {
  return std::chrono::duration<double>(Clock::now() - begun).count();
}

/// Whether two cells of one model may share the network's calls: all but prompt and seed is the same.
bool same_call(const GenerationOptions& a, const GenerationOptions& b) {
  return a.negative_prompt == b.negative_prompt && a.H == b.H && a.W == b.W && a.f == b.f && a.C == b.C &&
         a.init_img == b.init_img && a.strength == b.strength &&
         a.model.picture_side == b.model.picture_side && chosen_sampler(a) == chosen_sampler(b) &&
         a.ddim_steps == b.ddim_steps && a.ddim_eta == b.ddim_eta && a.scale == b.scale;
}

/// Gathers what a run gives, and tells a person how far all runs are.
class Gatherer : public PictureSink, public GenerationObserver {
 public:
  /// `so_far`: progress at the run's step 0; each of its steps counts as one.
  Gatherer(cli::ConsoleReporter& reporter, GenerationProgress so_far, bool keep_latents)
      : reporter_(reporter), so_far_(so_far), keep_latents_(keep_latents) {}

  void picture(const at::Tensor& image_u8, const PictureInfo& /*info*/) override {
    pictures_.push_back(image_u8);
  }
  void grid(const at::Tensor& /*image_u8*/) override {}
  void preview(const at::Tensor& /*image_u8*/) override {}

  bool progress(const GenerationProgress& progress) override {
    if (progress.step == 0 && so_far_.done > 0) return true;  // told as the last step of the picture before
    GenerationProgress all = so_far_;
    all.done = std::min(so_far_.done + progress.step, so_far_.total);
    all.step = all.done;
    all.steps = all.total;
    return reporter_.progress(all);
  }
  void step(const SamplingStep& step) override {
    if (!keep_latents_) return;
    if (step.index == 0) latents_.clear();
    latents_.push_back(step.x.to(at::kCPU, at::kFloat).clone());
  }
  void truncated(const std::string& prompt, const std::string& unseen) override {
    reporter_.truncated(prompt, unseen);
  }
  void warning(const std::string& text) override { reporter_.warning(text); }

  const at::Tensor& picture(std::size_t row) const { return pictures_.at(row); }
  /// [steps, C, h, w] of one row; undefined if they are not kept.
  at::Tensor latents(std::size_t row) const {
    if (latents_.empty()) return {};
    return at::stack(latents_, 1)[static_cast<std::int64_t>(row)].contiguous();
  }

 private:
  cli::ConsoleReporter& reporter_;
  GenerationProgress so_far_;
  bool keep_latents_;
  std::vector<at::Tensor> pictures_, latents_;
};

std::string claims_file(const ResultFolder& folder) {
  folder.create();
  return folder.file(".claims");
}

}  // namespace

std::int64_t expected_steps(const GenerationOptions& options) {
  if (options.kind == GenerationKind::img2img) return encode_steps(options.strength, options.ddim_steps);
  return chosen_sampler(options) == "ddpm" ? kAllTimesteps : options.ddim_steps;
}

Runner::Runner(const Plan& plan, const ResultFolder& folder, std::int64_t batch,
               cli::ReadPicture read_picture, cli::ConsoleReporter& reporter)
    : plan_(plan),
      folder_(folder),
      batch_(batch),
      read_picture_(std::move(read_picture)),
      reporter_(reporter),
      identity_(batch),
      claims_(claims_file(folder)),
      metric_set_(plan),
      keys_(identity_.keys(plan)),
      done_(plan.cells.size()) {
  if (claims_.is_alone()) folder_.remove_temporaries();
  results_ = collect(plan_, keys_, folder_);
  for (const Result& result : results_.pictures) done_[result.cell] = true;
  for (std::size_t i = 0; i < plan_.cells.size(); ++i) {
    if (!done_[i]) steps_total_ += expected_steps(plan_.cells[i].options);
  }
}

std::int64_t Runner::done() const {
  return std::count(done_.begin(), done_.end(), true);
}

const Results& Runner::results() {
  metric_set_.measure(results_);
  return results_;
}

bool Runner::run() {
  bool all = true;
  while ((all = run_models()) && done() < static_cast<std::int64_t>(done_.size())) {
    // What is left is being painted by other processes, or was by one that died meanwhile.
    if (reporter_.wants_to_stop()) return false;
    std::this_thread::sleep_for(kBetweenLooks);
  }
  return all;
}

bool Runner::run_models() {
  const std::vector<Cell>& cells = plan_.cells;
  for (std::size_t begin = 0, end = 0; begin < cells.size(); begin = end) {
    const std::vector<std::string> model = loaded_model(cells[begin].options.model);
    while (end < cells.size() && loaded_model(cells[end].options.model) == model) ++end;
    if (!run_model(begin, end)) return false;
  }
  return true;
}

bool Runner::run_model(std::size_t begin, std::size_t end) {
  std::optional<cli::ModelSession> session;
  for (std::size_t next = begin; next < end;) {
    if (reporter_.wants_to_stop()) return false;
    const Indices cells = claim(next, end);
    if (cells.empty()) continue;
    if (!session) {
      session.emplace(plan_.cells[begin].options.model, read_picture_);
      const std::optional<LoadReport> report = session->load();
      reporter_.say("model " + plan_.experiment.models[plan_.cells[begin].model].name + "\n" +
                    report->summary());
    }
    paint(*session, cells);
    for (const std::size_t cell : cells) claims_.release(keys_[cell]);
    publish();
  }
  return true;
}

Runner::Indices Runner::claim(std::size_t& next, std::size_t end) {
  Indices cells;
  for (; next < end && static_cast<std::int64_t>(cells.size()) < batch_; ++next) {
    const GenerationOptions& options = plan_.cells[next].options;
    if (done_[next]) continue;
    if (!cells.empty() && !same_call(plan_.cells[cells.front()].options, options)) break;
    if (std::any_of(cells.begin(), cells.end(), [&](std::size_t cell) { return keys_[cell] == keys_[next]; }))
      break;
    if (!claims_.try_claim(keys_[next])) continue;
    if (is_done_meanwhile(next)) {
      claims_.release(keys_[next]);
    } else {
      cells.push_back(next);
    }
  }
  return cells;
}

bool Runner::is_done_meanwhile(std::size_t cell) {
  std::optional<Record> record = folder_.find(keys_[cell]);
  if (!record) return false;
  take(cell, std::move(*record));
  return true;
}

cli::ModelSession::Job Runner::prepare(const cli::ModelSession& session, const Indices& cells,
                                       GenerationOptions& options) const {
  if (cells.size() == 1) return session.prepare(options);
  options.n_samples = static_cast<std::int64_t>(cells.size());
  options.per_image_seeds = true;
  options.seed = 0;
  cli::ModelSession::Job job = session.prepare(options);
  job.plan.batches.assign(1, {});
  for (const std::size_t cell : cells) {
    job.plan.batches[0].push_back(plan_.cells[cell].options.prompt);
    job.plan.seeds.push_back(static_cast<std::uint64_t>(plan_.cells[cell].seed));
  }
  return job;
}

void Runner::paint(cli::ModelSession& session, const Indices& cells) {
  GenerationOptions options = plan_.cells[cells.front()].options;
  const cli::ModelSession::Job job = prepare(session, cells, options);
  const auto count = static_cast<std::int64_t>(cells.size());
  Gatherer gathered(reporter_,
                    {done(), static_cast<std::int64_t>(done_.size()), 0, 0, steps_done_ / batch_,
                     steps_total_ / batch_, "picture"},
                    plan_.experiment.asks_for("latent_distance"));
  const Clock::time_point begun = Clock::now();
  session.paint(options, job, gathered, gathered);
  const double seconds = seconds_since(begun) / static_cast<double>(count);
  for (std::size_t row = 0; row < cells.size(); ++row) {
    const Cell& cell = plan_.cells[cells[row]];
    const InputHashes& inputs = identity_.hashes(cell);
    Record record;
    record.key = keys_[cells[row]];
    record.width = job.plan.image.width;
    record.height = job.plan.image.height;
    record.steps = job.plan.steps;
    record.checkpoint_sha256 = inputs.checkpoint;
    record.config_sha256 = inputs.config;
    record.seconds = seconds;
    record.batch = count;
    data::GenerationParameters parameters = session.parameters(cell.options, job.plan);
    parameters.prompt = cell.options.prompt;
    const std::string png = data::encode_png(gathered.picture(row), data::parameters_chunks(parameters));
    take(cells[row], folder_.keep(std::move(record), png, gathered.latents(row)));
    steps_done_ += expected_steps(cell.options);
  }
}

void Runner::take(std::size_t cell, Record record) {
  done_[cell] = true;
  Result result;
  result.cell = cell;
  result.record = std::move(record);
  const auto place = std::lower_bound(results_.pictures.begin(), results_.pictures.end(), cell,
                                      [](const Result& one, std::size_t index) { return one.cell < index; });
  results_.pictures.insert(place, std::move(result));
}

void Runner::publish() {
  if (Clock::now() - published_ < kBetweenTables) return;
  folder_.write("results.jsonl", results_jsonl(results()));
  folder_.write("results.csv", results_csv(results_));
  published_ = Clock::now();
}

}  // namespace ldm::experiments
