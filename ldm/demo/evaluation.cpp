#include "ldm/demo/evaluation.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "ldm/demo/demo_data.h"

namespace ldm::demo {
namespace {

constexpr std::int64_t kTop = 5;
constexpr double kPsnrOfEqual = 100;
constexpr std::int64_t kMostRepainted = 200;

std::vector<std::string> prompts_of(const std::vector<Scene>& scenes, const std::vector<Object>& objects) {
  std::vector<std::string> prompts;
  for (const Scene& scene : scenes) prompts.push_back(prompt_of(scene, objects));
  return prompts;
}

/// Single objects that were trained.
std::vector<Scene> trained_scenes(const std::vector<Object>& objects, const EvaluationOptions& options) {
  std::vector<Scene> singles;
  // They are two thirds of the training scenes.
  for (const Scene& scene : training_scenes(objects, options.samples * 2 + 10, options.scene_seed)) {
    if (scene.layout != Layout::large) continue;
    if (static_cast<std::int64_t>(singles.size()) < options.samples) singles.push_back(scene);
  }
  return singles;
}

/// For each scene another one of the list, whose object and colour are both different.
std::vector<Scene> others(const std::vector<Scene>& scenes) {
  std::vector<Scene> found;
  for (std::size_t i = 0; i < scenes.size(); ++i) {
    std::size_t j = i;
    do {
      j = (j + 1) % scenes.size();
    } while (j != i && (scenes[j].object == scenes[i].object || scenes[j].colour == scenes[i].colour));
    found.push_back(scenes[j]);
  }
  return found;
}

std::string row_text(const Measurement& row) {
  std::ostringstream text;
  text << (row.ema ? "EMA" : "non-EMA") << ", scale " << row.scale << ", " << row.scenes << ": colour "
       << row.accuracy.colour * 100 << " %, top-1 " << row.accuracy.top1 * 100 << " %, top-5 "
       << row.accuracy.top5 * 100 << " %";
  return text.str();
}

std::string strength_text(const StrengthMeasurement& row) {
  std::ostringstream text;
  text << "img2img, strength " << row.strength << ": keeps the object in " << row.keeps.top1 * 100
       << " %, follows the prompt's in " << row.follows.top1 * 100 << " %";
  return text.str();
}

/// One evaluation in the making.
class Evaluator {
 public:
  Evaluator(const std::vector<Object>& objects, const Sprites& sprites, const EvaluationOptions& options,
            const Say& say)
      : objects_(objects),
        sprites_(sprites),
        options_(options),
        say_(say),
        recogniser_(sprites, objects.size()) {
    result_.objects = objects.size();
  }

  void measure(const std::shared_ptr<LatentDiffusionImpl>& model, bool ema) {
    const std::vector<Scene> held_out = singles(options_.samples);
    for (const double scale : options_.scales) {
      const at::Tensor pictures = row(model, ema, scale, "held out", held_out);
      if (ema) averaged_[scale] = pictures;
      if (!ema) result_.ema_distances.push_back({scale, mean_psnr(averaged_.at(scale), pictures)});
    }
    row(model, ema, options_.main_scale, "trained", trained_scenes(objects_, options_));
    row(model, ema, options_.main_scale, "held-out pairs",
        held_out_scenes(objects_, Layout::pair, options_.samples, options_.scene_seed));
    if (ema) measure_strengths(model);
  }

  Evaluation result() const { return result_; }

 private:
  std::vector<Scene> singles(std::int64_t count) const {
    return held_out_scenes(objects_, Layout::large, count, options_.scene_seed);
  }

  PaintOptions paint_options(double scale) const {
    PaintOptions options = options_.paint;
    options.scale = scale;
    return options;
  }

  at::Tensor row(const std::shared_ptr<LatentDiffusionImpl>& model, bool ema, double scale,
                 const std::string& name, const std::vector<Scene>& scenes) {
    const at::Tensor pictures = paint(model, prompts_of(scenes, objects_), paint_options(scale));
    result_.rows.push_back({ema, scale, name, judge(pictures, scenes, recogniser_)});
    say_(row_text(result_.rows.back()));
    return pictures;
  }

  void measure_strengths(const std::shared_ptr<LatentDiffusionImpl>& model) {
    if (options_.strengths.empty()) return;
    const std::vector<Scene> before = singles(std::min(options_.samples, kMostRepainted));
    const std::vector<Scene> after = others(before);
    std::vector<at::Tensor> pictures;
    for (const Scene& scene : before) pictures.push_back(draw(scene, sprites_));
    for (const double strength : options_.strengths) {
      const at::Tensor repainted = repaint(model, at::stack(pictures), prompts_of(after, objects_), strength,
                                           paint_options(options_.main_scale));
      result_.strengths.push_back(
          {strength, judge(repainted, before, recogniser_), judge(repainted, after, recogniser_)});
      say_(strength_text(result_.strengths.back()));
    }
  }

  const std::vector<Object>& objects_;
  const Sprites& sprites_;
  const EvaluationOptions& options_;
  const Say& say_;
  const Recogniser recogniser_;
  Evaluation result_;
  std::map<double, at::Tensor> averaged_;  ///< by scale: the pictures of held-out singles
};

}  // namespace

Accuracy random_guess(std::size_t objects) {
  const double one = 1.0 / static_cast<double>(objects);
  Accuracy guess;
  guess.colour = 1.0 / static_cast<double>(colours().size());
  guess.top1 = one;
  guess.top5 = std::min(1.0, kTop * one);
  guess.both_top1 = one * one;
  return guess;
}

Accuracy judge(const at::Tensor& pictures, const std::vector<Scene>& scenes, const Recogniser& recogniser) {
  std::int64_t colour = 0, top1 = 0, top5 = 0, both = 0, asked = 0;
  for (std::size_t i = 0; i < scenes.size(); ++i) {
    const Scene& scene = scenes[i];
    const at::Tensor picture = pictures[static_cast<std::int64_t>(i)];
    colour += Recogniser::colour_of(picture) == scene.colour ? 1 : 0;
    bool all_right = true;
    for (const bool is_second : {false, true}) {
      if (is_second && scene.layout != Layout::pair) continue;
      const std::int64_t rank = recogniser.rank_of_object(picture, scene, is_second);
      ++asked;
      top1 += rank == 0 ? 1 : 0;
      top5 += rank < kTop ? 1 : 0;
      all_right = all_right && rank == 0;
    }
    both += all_right ? 1 : 0;
  }
  Accuracy accuracy;
  accuracy.pictures = static_cast<std::int64_t>(scenes.size());
  const auto share = [](std::int64_t part, std::int64_t all) {
    return all == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(all);
  };
  accuracy.colour = share(colour, accuracy.pictures);
  accuracy.top1 = share(top1, asked);
  accuracy.top5 = share(top5, asked);
  accuracy.both_top1 = share(both, accuracy.pictures);
  return accuracy;
}

double mean_psnr(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor error = (a.to(at::kDouble) - b.to(at::kDouble)).square().flatten(1).mean(1);
  const at::Tensor psnr = 10 * at::log10(255.0 * 255.0 / error);
  return psnr.clamp_max(kPsnrOfEqual).mean().item<double>();
}

Evaluation evaluate(const ModelSource& models, const std::vector<Object>& objects, const Sprites& sprites,
                    const EvaluationOptions& options, const Say& say) {
  Evaluator evaluator(objects, sprites, options, say);
  for (const bool ema : {true, false}) evaluator.measure(models(ema), ema);
  return evaluator.result();
}

}  // namespace ldm::demo
