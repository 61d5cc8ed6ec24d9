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

std::vector<std::string> prompts_of(const std::vector<Scene>& scenes, const std::vector<Object>& objects) {
  std::vector<std::string> prompts;
  for (const Scene& scene : scenes) prompts.push_back(prompt_of(scene, objects));
  return prompts;
}

/// Scenes to ask for, by the name of their row.
std::map<std::string, std::vector<Scene>> asked_scenes(const std::vector<Object>& objects,
                                                       const EvaluationOptions& options) {
  std::vector<Scene> trained;
  // Singles are two thirds of the training scenes.
  for (const Scene& scene : training_scenes(objects, options.samples * 2 + 10, options.scene_seed)) {
    if (scene.layout == Layout::large && static_cast<std::int64_t>(trained.size()) < options.samples) {
      trained.push_back(scene);
    }
  }
  return {{"held out", held_out_scenes(objects, Layout::large, options.samples, options.scene_seed)},
          {"trained", trained},
          {"held-out pairs", held_out_scenes(objects, Layout::pair, options.samples, options.scene_seed)}};
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

std::vector<StrengthMeasurement> measure_strengths(const std::shared_ptr<LatentDiffusionImpl>& model,
                                                   const std::vector<Object>& objects, const Sprites& sprites,
                                                   const Recogniser& recogniser,
                                                   const EvaluationOptions& options, const Say& say) {
  const std::vector<Scene> before =
      held_out_scenes(objects, Layout::large, options.samples, options.scene_seed);
  const std::vector<Scene> after = others(before);
  std::vector<at::Tensor> pictures;
  for (const Scene& scene : before) pictures.push_back(draw(scene, sprites));
  PaintOptions paint_options = options.paint;
  paint_options.scale = options.strength_scale;
  std::vector<StrengthMeasurement> rows;
  for (const double strength : options.strengths) {
    const at::Tensor repainted =
        repaint(model, at::stack(pictures), prompts_of(after, objects), strength, paint_options);
    rows.push_back({strength, judge(repainted, before, recogniser), judge(repainted, after, recogniser)});
    std::ostringstream line;
    line << "img2img, strength " << strength << ": keeps the object in " << rows.back().keeps.top1 * 100
         << " %, follows the prompt's in " << rows.back().follows.top1 * 100 << " %";
    say(line.str());
  }
  return rows;
}

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
  const Recogniser recogniser(sprites, objects.size());
  Evaluation evaluation;
  evaluation.objects = objects.size();
  std::map<double, at::Tensor> averaged;  // by scale: the pictures of held-out singles
  for (const bool ema : {true, false}) {
    const std::shared_ptr<LatentDiffusionImpl> model = models(ema);
    for (const double scale : options.scales) {
      PaintOptions paint_options = options.paint;
      paint_options.scale = scale;
      for (const auto& [name, scenes] : asked_scenes(objects, options)) {
        const at::Tensor pictures = paint(model, prompts_of(scenes, objects), paint_options);
        evaluation.rows.push_back({ema, scale, name, judge(pictures, scenes, recogniser)});
        say(row_text(evaluation.rows.back()));
        if (name != "held out") continue;
        if (ema) averaged[scale] = pictures;
        if (!ema) evaluation.ema_distances.push_back({scale, mean_psnr(averaged.at(scale), pictures)});
      }
    }
    if (ema) {
      evaluation.strengths = measure_strengths(model, objects, sprites, recogniser, options, say);
    }
  }
  return evaluation;
}

}  // namespace ldm::demo
