#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ldm/demo/painter.h"
#include "ldm/demo/recognition.h"

namespace ldm::demo {

/// Shares in [0, 1] of asked pictures that are right.
struct Accuracy {
  std::int64_t pictures = 0;
  double colour = 0;     ///< the background is nearest to the asked colour
  double top1 = 0;       ///< of the asked objects, those that nothing is more alike to what was painted
  double top5 = 0;       ///< ... those that at most four are
  double both_top1 = 0;  ///< of pairs: both objects top-1
};

/// What guessing at random would reach.
Accuracy random_guess(std::size_t objects);

/// One row of the evaluation.
struct Measurement {
  bool ema = false;
  double scale = 0;
  std::string scenes;  ///< "held out", "trained" or "held-out pairs"
  Accuracy accuracy;
};

/// img2img: pictures of one scene repainted under the prompt of another, which has another colour and object.
struct StrengthMeasurement {
  double strength = 0;
  Accuracy keeps;    ///< the picture it began with
  Accuracy follows;  ///< the prompt
};

/// Mean peak signal-to-noise ratio, in dB, between pictures of the same prompt and seed with averaged and
/// with plain weights.
struct EmaDistance {
  double scale = 0, mean_psnr = 0;
};

struct Evaluation {
  std::size_t objects = 0;
  std::vector<Measurement> rows;
  std::vector<EmaDistance> ema_distances;
  std::vector<StrengthMeasurement> strengths;
};

struct EvaluationOptions {
  std::int64_t samples = 500;                ///< pictures for each row
  std::vector<double> scales{1, 3, 5, 7.5};  ///< of single objects that are held out
  double main_scale = 5;                     ///< of everything else
  std::vector<double> strengths{0.04, 0.1, 0.2, 0.4, 0.7, 1.0};
  std::uint64_t scene_seed = 1;
  PaintOptions paint;
};

/// Compares painted pictures [N, H, W, 3] with their scenes.
Accuracy judge(const at::Tensor& pictures, const std::vector<Scene>& scenes, const Recogniser& recogniser);

/// Mean PSNR in dB of two lists of pictures [N, H, W, 3] uint8; equal pictures count as 100 dB.
double mean_psnr(const at::Tensor& a, const at::Tensor& b);

/// Gives the model with averaged or with plain weights.
using ModelSource = std::function<std::shared_ptr<LatentDiffusionImpl>(bool ema)>;
using Say = std::function<void(const std::string& line)>;

/// Paints and judges everything with both sets of weights: held-out singles at each scale and how far the two
/// sets are apart; trained singles and held-out pairs; and img2img with the averages, on at most 200 pictures
/// for each strength.
Evaluation evaluate(const ModelSource& models, const std::vector<Object>& objects, const Sprites& sprites,
                    const EvaluationOptions& options, const Say& say);

}  // namespace ldm::demo
