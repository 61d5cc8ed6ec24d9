#include "ldm/experiments/demo_recognition.h"

#include "ldm/pipelines/project_files.h"

namespace ldm::experiments {
namespace {

using demo::Layout;
using demo::Scene;

constexpr const char* kObjects = "configs/demo/objects.txt";
constexpr const char* kAnd = " and ";
constexpr std::int64_t kTop = 5;

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

DemoRecognition::DemoRecognition()
    : objects_(demo::read_objects(find_project_file(kObjects))),
      sprites_(demo::EmojiFont(demo::EmojiFont::kDefaultPath), objects_),
      recogniser_(sprites_, objects_.size()) {
  for (std::size_t object = 0; object < objects_.size(); ++object) {
    object_of_.emplace(objects_[object].phrase(), object);
    for (std::size_t colour = 0; colour < demo::colours().size(); ++colour) {
      Scene scene;
      scene.object = object;
      scene.colour = colour;
      singles_.emplace(demo::prompt_of(scene, objects_), scene);
      scene.layout = Layout::small;
      for (int place = 0; place < demo::kPlaces; ++place) {
        scene.place = static_cast<demo::Place>(place);
        singles_.emplace(demo::prompt_of(scene, objects_), scene);
      }
    }
  }
}

std::optional<Scene> DemoRecognition::scene_of(const std::string& prompt) const {
  const auto single = singles_.find(prompt);
  return single == singles_.end() ? pair_of(prompt) : std::optional<Scene>(single->second);
}

std::optional<Scene> DemoRecognition::pair_of(const std::string& prompt) const {
  for (std::size_t colour = 0; colour < demo::colours().size(); ++colour) {
    const std::string end = " on " + demo::colours()[colour].phrase() + " background";
    if (!ends_with(prompt, end)) continue;
    const std::string things = prompt.substr(0, prompt.size() - end.size());
    for (std::size_t at = things.find(kAnd); at != std::string::npos; at = things.find(kAnd, at + 1)) {
      const auto left = object_of_.find(things.substr(0, at));
      const auto right = object_of_.find(things.substr(at + std::string(kAnd).size()));
      if (left == object_of_.end() || right == object_of_.end()) continue;
      Scene scene;
      scene.layout = Layout::pair;
      scene.colour = colour;
      scene.object = left->second;
      scene.second = right->second;
      return scene;
    }
  }
  return std::nullopt;
}

std::map<std::string, double> DemoRecognition::measure(const at::Tensor& pixels,
                                                       const std::string& prompt) const {
  const std::optional<Scene> scene = scene_of(prompt);
  if (!scene || pixels.size(0) != demo::kPictureSide || pixels.size(1) != demo::kPictureSide) return {};
  const int things = scene->layout == Layout::pair ? 2 : 1;
  double top1 = 0, top5 = 0;
  for (int thing = 0; thing < things; ++thing) {
    const std::int64_t rank = recogniser_.rank_of_object(pixels, *scene, thing == 1);
    if (rank == 0) top1 += 1.0 / things;
    if (rank < kTop) top5 += 1.0 / things;
  }
  const bool colour = demo::Recogniser::colour_of(pixels) == scene->colour;
  return {{"colour_right", colour ? 1.0 : 0.0}, {"object_top1", top1}, {"object_top5", top5}};
}

}  // namespace ldm::experiments
