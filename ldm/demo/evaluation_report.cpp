#include "ldm/demo/evaluation_report.h"

#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>

namespace ldm::demo {
namespace {

using Json = nlohmann::ordered_json;

/// "93.2 (8.3)": the share and the guess's, in percent.
std::string percent(double share, double guess) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(1) << share * 100 << " ("
       << std::setprecision(guess < 0.001 ? 3 : 1) << guess * 100 << ')';
  return text.str();
}

std::string line(const std::vector<std::string>& cells) {
  std::ostringstream text;
  for (std::size_t i = 0; i < cells.size(); ++i) text << std::left << std::setw(16) << cells[i];
  std::string padded = text.str();
  return padded.substr(0, padded.find_last_not_of(' ') + 1) + "\n";
}

std::string short_number(double value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

Json to_json(const Accuracy& accuracy) {
  return {{"pictures", accuracy.pictures},
          {"colour", accuracy.colour},
          {"top1", accuracy.top1},
          {"top5", accuracy.top5},
          {"both_top1", accuracy.both_top1}};
}

std::string strength_table(const Evaluation& evaluation, const Accuracy& guess) {
  if (evaluation.strengths.empty()) return "";
  std::string text =
      "\nimg2img with the averages: a picture repainted under the prompt of another object and colour\n" +
      line({"strength", "keeps colour", "keeps object", "follows colour", "follows object"});
  for (const StrengthMeasurement& row : evaluation.strengths) {
    text += line({short_number(row.strength), percent(row.keeps.colour, guess.colour),
                  percent(row.keeps.top1, guess.top1), percent(row.follows.colour, guess.colour),
                  percent(row.follows.top1, guess.top1)});
  }
  return text;
}

}  // namespace

std::string text_report(const Evaluation& evaluation) {
  const Accuracy guess = random_guess(evaluation.objects);
  std::ostringstream text;
  text << "percent right, of " << evaluation.objects << " objects and " << colours().size()
       << " colours (in brackets: by guessing)\n"
       << line({"weights", "scale", "asked for", "pictures", "colour", "object top-1", "object top-5",
                "both"});
  for (const Measurement& row : evaluation.rows) {
    const bool is_pairs = row.scenes.find("pairs") != std::string::npos;
    text << line({row.ema ? "EMA" : "non-EMA", short_number(row.scale), row.scenes,
                  std::to_string(row.accuracy.pictures), percent(row.accuracy.colour, guess.colour),
                  percent(row.accuracy.top1, guess.top1), percent(row.accuracy.top5, guess.top5),
                  is_pairs ? percent(row.accuracy.both_top1, guess.both_top1) : ""});
  }
  text << "\nEMA against non-EMA, same prompt and seed\n" << line({"scale", "mean PSNR"});
  for (const EmaDistance& row : evaluation.ema_distances) {
    std::ostringstream psnr;
    psnr << std::fixed << std::setprecision(1) << row.mean_psnr << " dB";
    text << line({short_number(row.scale), psnr.str()});
  }
  return text.str() + strength_table(evaluation, guess);
}

std::string json_report(const Evaluation& evaluation) {
  Json report{{"objects", evaluation.objects},
              {"colours", colours().size()},
              {"random_guess", to_json(random_guess(evaluation.objects))},
              {"txt2img", Json::array()},
              {"ema_distance", Json::array()},
              {"img2img", Json::array()}};
  for (const Measurement& row : evaluation.rows) {
    report["txt2img"].push_back({{"weights", row.ema ? "EMA" : "non-EMA"},
                                 {"scale", row.scale},
                                 {"scenes", row.scenes},
                                 {"accuracy", to_json(row.accuracy)}});
  }
  for (const EmaDistance& row : evaluation.ema_distances) {
    report["ema_distance"].push_back({{"scale", row.scale}, {"mean_psnr_db", row.mean_psnr}});
  }
  for (const StrengthMeasurement& row : evaluation.strengths) {
    report["img2img"].push_back(
        {{"strength", row.strength}, {"keeps", to_json(row.keeps)}, {"follows", to_json(row.follows)}});
  }
  return report.dump(1) + "\n";
}

}  // namespace ldm::demo
