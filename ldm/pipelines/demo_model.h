#pragma once

#include <cstdint>
#include <string>

namespace ldm {

/// The small model that comes with the project, so that programs have something to paint with where there are
/// no weights of Stable Diffusion.
struct DemoModel {
  static constexpr const char* config = "configs/demo/demo-inference.yaml";
  static constexpr const char* ckpt = "models/ldm/demo/model.ckpt";
  static constexpr std::int64_t side = 64;  ///< pixels of its pictures, across and down
  static constexpr std::int64_t f = 4;      ///< pixels for each row and column of the latent
  static constexpr const char* prompt = "a fox on a blue background";

  /// Whether it is what there is: no weights at `ckpt_path`, a path of the project, but the demo model's in
  /// their place.
  static bool stands_in_for(const std::string& ckpt_path);
};

}  // namespace ldm
