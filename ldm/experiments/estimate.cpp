#include "ldm/experiments/estimate.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <tuple>

#include "ldm/experiments/runner.h"

namespace ldm::experiments {
namespace {

constexpr std::size_t kMostMeasured = 3;

class Nobody : public PictureSink, public GenerationObserver {
 public:
  void picture(const at::Tensor& /*image_u8*/, const PictureInfo& /*info*/) override {}
  void grid(const at::Tensor& /*image_u8*/) override {}
  void preview(const at::Tensor& /*image_u8*/) override {}
};

/// Cells that cost the same for each step.
using Kind = std::tuple<std::string, std::string, std::string, std::int64_t, std::int64_t, std::int64_t,
                        std::string, bool>;
Kind kind_of(const GenerationOptions& o) {
  return {o.model.config, o.model.precision, o.model.device, o.model.threads, o.H, o.W,
          o.init_img,     o.scale != 1.0};
}

struct Cost {
  double step = 0, picture = 0;  ///< seconds of a step, and of a picture besides its steps
  double pixels = 0;
};

/// Seconds of a picture in that many steps.
double time_of(cli::ModelSession& session, GenerationOptions options, std::int64_t steps) {
  options.plms = options.dpm_solver = false;
  options.sampler.clear();
  options.ddim_steps = steps;
  options.strength = 1;
  Nobody nobody;
  const auto begun = std::chrono::steady_clock::now();
  session.paint(options, session.prepare(options), nobody, nobody);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

Cost measure(cli::ModelSession& session, const GenerationOptions& options) {
  session.load();
  // The first picture also touches the weights for the first time, which counts among what a picture takes.
  const double one = time_of(session, options, 1), two = time_of(session, options, 2);
  const data::Size size = session.prepare(options).plan.image;
  const double step = std::max(0.0, std::min(two - one, two / 2));
  return {step > 0 ? step : two / 2, std::max(0.0, two - 2 * step),
          static_cast<double>(size.height * size.width)};
}

/// The speed of one that was not measured, by those that were.
Cost guess(const std::map<Kind, Cost>& known, double pixels) {
  Cost mean{0, 0, pixels};
  for (const auto& [kind, cost] : known) {
    mean.step += cost.step / cost.pixels * pixels / static_cast<double>(known.size());
    mean.picture += cost.picture / cost.pixels * pixels / static_cast<double>(known.size());
  }
  return mean;
}

}  // namespace

Estimate estimate(const Plan& plan, const std::vector<bool>& done, const cli::ReadPicture& read_picture) {
  struct Left {
    const Cell* first = nullptr;
    std::int64_t pictures = 0, steps = 0;
  };
  std::map<Kind, Left> left;
  for (std::size_t i = 0; i < plan.cells.size(); ++i) {
    if (done[i]) continue;
    Left& kind = left[kind_of(plan.cells[i].options)];
    if (kind.first == nullptr) kind.first = &plan.cells[i];
    ++kind.pictures;
    kind.steps += expected_steps(plan.cells[i].options);
  }
  Estimate result;
  std::map<Kind, Cost> known;
  for (const auto& [kind, cells] : left) {
    const GenerationOptions& options = cells.first->options;
    cli::ModelSession session(options.model, read_picture);
    const GenerationPlan run = session.prepare(options).plan;
    if (known.size() < kMostMeasured) known[kind] = measure(session, options);
    const double pixels = static_cast<double>(run.image.height * run.image.width);
    const Cost cost = known.count(kind) > 0 ? known[kind] : guess(known, pixels);
    result.pictures += cells.pictures;
    result.steps += cells.steps;
    result.seconds +=
        cost.step * static_cast<double>(cells.steps) + cost.picture * static_cast<double>(cells.pictures);
    result.memory = std::max(result.memory, run.memory.total());
    result.memory_available = run.memory_available;
  }
  result.kinds = static_cast<std::int64_t>(left.size());
  result.measured = static_cast<std::int64_t>(known.size());
  return result;
}

}  // namespace ldm::experiments
