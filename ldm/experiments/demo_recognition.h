#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ldm/demo/recognition.h"

namespace ldm::experiments {

/// Whether a picture of the demo model shows what its prompt asks for: the evaluation that the model's card
/// reports, of one picture.
class DemoRecognition {
 public:
  /// With the project's list of objects and the emoji font. Throws files::FileError if one is missing.
  DemoRecognition();

  /// The scene that demo::prompt_of describes so; none for other prompts.
  std::optional<demo::Scene> scene_of(const std::string& prompt) const;

  /// colour_right, object_top1, object_top5: 1 or 0, of a pair the mean of its two objects. Empty for a
  /// prompt that describes no scene and for a picture of another size than the demo's. pixels uint8 [H, W,
  /// 3].
  std::map<std::string, double> measure(const at::Tensor& pixels, const std::string& prompt) const;

  const std::vector<demo::Object>& objects() const { return objects_; }

 private:
  std::optional<demo::Scene> pair_of(const std::string& prompt) const;

  std::vector<demo::Object> objects_;
  demo::Sprites sprites_;
  demo::Recogniser recogniser_;
  std::map<std::string, demo::Scene> singles_;    ///< by prompt
  std::map<std::string, std::size_t> object_of_;  ///< by phrase
};

}  // namespace ldm::experiments
