#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "ldm/demo/scene.h"
#include "ldm/demo/vocabulary.h"

namespace ldm::demo {

/// What to make; zero of a kind leaves its folder out.
struct DemoDataOptions {
  std::string folder = "data/demo";
  std::uint64_t seed = 23;
  std::int64_t pictures = 16000;    ///< for the diffusion model: train/
  std::int64_t held_out = 500;      ///< of combinations that train/ has not: held_out/
  std::int64_t first_stage = 8000;  ///< for the autoencoder, anything anywhere: first_stage/
};

/// The scenes of train/: 68 % large, 8 % small, 24 % pairs, no object on a background that is held out for
/// it. The large ones show every combination equally often. In a shuffled order, which the seed decides
/// alone.
/// Throws files::FileError for a list without such a combination.
std::vector<Scene> training_scenes(const std::vector<Object>& objects, std::int64_t count,
                                   std::uint64_t seed);

/// Scenes of `layout` whose objects are all held out for their background; equally often, shuffled.
std::vector<Scene> held_out_scenes(const std::vector<Object>& objects, Layout layout, std::int64_t count,
                                   std::uint64_t seed);

using Progress = std::function<void(const std::string& what, std::int64_t done, std::int64_t total)>;

/// Writes the folder, which appears only when it is whole: pictures as PNG files of 64x64 pixels, in each
/// folder a metadata.jsonl that CaptionFolder reads, captions.txt (each of train/ once) and LICENSE.txt. The
/// same options, font and list give the same bytes. Throws files::FileError.
void make_demo_data(const DemoDataOptions& options, const std::vector<Object>& objects,
                    const Sprites& sprites, const Progress& progress);

}  // namespace ldm::demo
