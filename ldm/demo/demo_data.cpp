#include "ldm/demo/demo_data.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "ldm/data/png.h"
#include "ldm/data/seeds.h"
#include "ldm/files/error.h"
#include "ldm/files/new_folder.h"
#include "ldm/files/output_folder.h"

namespace ldm::demo {
namespace {

constexpr std::int64_t kSmallPercent = 8, kPairPercent = 24;
/// Names of the random streams.
enum Stream : std::uint64_t { kTraining, kHeldOut, kFirstStage };

constexpr const char* kLicense =
    "The objects on these pictures are Noto Color Emoji, copyright Google Inc., under the SIL Open Font "
    "License 1.1\n"
    "(https://scripts.sil.org/OFL). Their names are Unicode's, some of them shortened, under the Unicode "
    "License\n"
    "(https://www.unicode.org/license.txt). Pictures made with a font are not covered by its licence.\n";

struct Combination {
  std::size_t object, colour;
};

std::vector<Combination> combinations(const std::vector<Object>& objects, bool held_out) {
  std::vector<Combination> found;
  for (std::size_t object = 0; object < objects.size(); ++object) {
    for (std::size_t colour = 0; colour < colours().size(); ++colour) {
      if (is_held_out(objects[object], colours()[colour]) == held_out) found.push_back({object, colour});
    }
  }
  return found;
}

template <typename Item>
void shuffle(std::vector<Item>& items, at::Generator& random) {
  for (std::size_t i = items.size(); i > 1; --i) {
    std::swap(items[i - 1],
              items[static_cast<std::size_t>(data::draw_below(static_cast<std::int64_t>(i), random))]);
  }
}

/// Gives all of its items once, shuffled, then all of them again.
class Deck {
 public:
  Deck(std::vector<Combination> items, at::Generator random)
      : items_(std::move(items)), random_(std::move(random)) {}

  const Combination& next() {
    if (at_ == 0) shuffle(items_, random_);
    const Combination& item = items_[at_];
    at_ = (at_ + 1) % items_.size();
    return item;
  }

 private:
  std::vector<Combination> items_;
  at::Generator random_;
  std::size_t at_ = 0;
};

/// A scene of the next combination; a second object is one that is likewise held out, or not, on its colour.
Scene scene_of(Layout layout, Deck& deck, const std::vector<std::vector<std::size_t>>& of_colour,
               at::Generator& random) {
  Scene scene;
  scene.layout = layout;
  const Combination& combination = deck.next();
  scene.object = combination.object;
  scene.colour = combination.colour;
  if (layout == Layout::small) scene.place = static_cast<Place>(data::draw_below(kPlaces, random));
  if (layout != Layout::pair) return scene;
  const std::vector<std::size_t>& others = of_colour[scene.colour];
  do {
    scene.second =
        others[static_cast<std::size_t>(data::draw_below(static_cast<std::int64_t>(others.size()), random))];
  } while (scene.second == scene.object && others.size() > 1);
  if (data::draw_uniform(random) < 0.5) std::swap(scene.object, scene.second);
  return scene;
}

/// `counts` scenes of the layouts.
std::vector<Scene> draw_scenes(const std::vector<Object>& objects, bool held_out,
                               const std::vector<std::pair<Layout, std::int64_t>>& counts,
                               std::uint64_t seed) {
  const bool wanted =
      std::any_of(counts.begin(), counts.end(), [](const auto& part) { return part.second > 0; });
  if (!wanted) return {};
  const std::vector<Combination> all = combinations(objects, held_out);
  if (all.empty()) {
    throw files::FileError(
        std::string("expected a list of objects with some combinations of object and colour that are ") +
        (held_out ? "" : "not ") + "held out, got none among " + std::to_string(objects.size()) +
        " objects; a longer list has some");
  }
  std::vector<std::vector<std::size_t>> of_colour(colours().size());
  for (const Combination& combination : all) of_colour[combination.colour].push_back(combination.object);
  std::vector<Scene> scenes;
  at::Generator random = data::make_generator(seed);
  for (const auto& [layout, count] : counts) {
    Deck deck(all, data::make_generator(data::mix_seeds({seed, static_cast<std::uint64_t>(layout)})));
    for (std::int64_t i = 0; i < count; ++i) scenes.push_back(scene_of(layout, deck, of_colour, random));
  }
  shuffle(scenes, random);
  return scenes;
}

at::Tensor random_colour(at::Generator& random) {
  const double kind = data::draw_uniform(random);
  if (kind < 0.5) {
    return background(colours()[static_cast<std::size_t>(
        data::draw_below(static_cast<std::int64_t>(colours().size()), random))]);
  }
  return at::rand({3, 1, 1}, random, at::kFloat).expand({3, kPictureSide, kPictureSide}).clone();
}

/// One colour, or one that runs into another across or down.
at::Tensor random_background(at::Generator& random) {
  const at::Tensor one = random_colour(random);
  if (data::draw_uniform(random) < 0.7) return one;
  const at::Tensor share = at::linspace(0, 1, kPictureSide);
  const at::Tensor ramp =
      data::draw_uniform(random) < 0.5 ? share.view({1, kPictureSide, 1}) : share.view({1, 1, -1});
  return one * (1 - ramp) + random_colour(random) * ramp;
}

/// One to four objects of any size, anywhere, half of them mirrored.
at::Tensor anything(const std::vector<Object>& objects, const Sprites& sprites, at::Generator& random) {
  constexpr std::int64_t least = 20, most = 62;
  at::Tensor picture = random_background(random);
  const std::int64_t count = 1 + data::draw_below(4, random);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto object =
        static_cast<std::size_t>(data::draw_below(static_cast<std::int64_t>(objects.size()), random));
    const std::int64_t side = least + data::draw_below(most - least + 1, random);
    at::Tensor sprite = sprites.resized(object, side);
    if (data::draw_uniform(random) < 0.5) sprite = sprite.flip(2);
    const std::int64_t room = kPictureSide - side / 2;
    const std::int64_t y = data::draw_below(room + side / 4, random) - side / 4;
    lay_over(picture, sprite, y, data::draw_below(room + side / 4, random) - side / 4);
  }
  return to_pixels(picture);
}

void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  file.close();
  if (!file)
    throw files::WriteError("'" + path + "': expected to write a picture, could not; is the disk full?");
}

/// A folder of numbered pictures with their captions.
class PictureFolder {
 public:
  PictureFolder(const files::NewFolder& parent, const std::string& name) : path_(parent.create(name)) {}

  void add(const at::Tensor& pixels, const std::vector<std::string>& captions) {
    char name[32];
    std::snprintf(name, sizeof name, "%06d.png", count_++);
    write_bytes(files::join(path_, name), data::encode_png(pixels));
    metadata_ += nlohmann::ordered_json{{"file_name", name}, {"text", captions}}.dump() + "\n";
  }
  void finish() const { write_bytes(files::join(path_, "metadata.jsonl"), metadata_); }

 private:
  const std::string path_;
  std::string metadata_;
  int count_ = 0;
};

/// Each caption once, in lines.
std::string all_captions(const std::vector<Scene>& scenes, const std::vector<Object>& objects) {
  std::set<std::string> captions;
  for (const Scene& scene : scenes) {
    for (const std::string& caption : captions_of(scene, objects)) captions.insert(caption);
  }
  std::string text;
  for (const std::string& caption : captions) text += caption + "\n";
  return text;
}

}  // namespace

std::vector<Scene> training_scenes(const std::vector<Object>& objects, std::int64_t count,
                                   std::uint64_t seed) {
  const std::int64_t small = count * kSmallPercent / 100, pairs = count * kPairPercent / 100;
  return draw_scenes(objects, false,
                     {{Layout::large, count - small - pairs}, {Layout::small, small}, {Layout::pair, pairs}},
                     data::mix_seeds({seed, kTraining}));
}

std::vector<Scene> held_out_scenes(const std::vector<Object>& objects, Layout layout, std::int64_t count,
                                   std::uint64_t seed) {
  return draw_scenes(objects, true, {{layout, count}}, data::mix_seeds({seed, kHeldOut}));
}

void make_demo_data(const DemoDataOptions& options, const std::vector<Object>& objects,
                    const Sprites& sprites, const Progress& progress) {
  const std::string parent = std::filesystem::path(options.folder).parent_path().string();
  if (!parent.empty()) files::create_output_folder(parent);
  files::NewFolder folder(options.folder);
  const auto write = [&](const std::string& name, std::int64_t count, const auto& make) {
    if (count == 0) return;
    PictureFolder pictures(folder, name);
    for (std::int64_t i = 0; i < count; ++i) {
      make(pictures, i);
      progress(name, i + 1, count);
    }
    pictures.finish();
  };
  const auto write_scenes = [&](const std::string& name, const std::vector<Scene>& scenes) {
    write(name, static_cast<std::int64_t>(scenes.size()), [&](PictureFolder& pictures, std::int64_t i) {
      const Scene& scene = scenes[static_cast<std::size_t>(i)];
      pictures.add(draw(scene, sprites), captions_of(scene, objects));
    });
  };
  const std::vector<Scene> training = training_scenes(objects, options.pictures, options.seed);
  write_scenes("train", training);
  write_scenes("held_out", held_out_scenes(objects, Layout::large, options.held_out, options.seed));
  at::Generator random = data::make_generator(data::mix_seeds({options.seed, kFirstStage}));
  write("first_stage", options.first_stage, [&](PictureFolder& pictures, std::int64_t) {
    pictures.add(anything(objects, sprites, random), {""});
  });
  write_bytes(files::join(folder.temporary_path(), "captions.txt"), all_captions(training, objects));
  write_bytes(files::join(folder.temporary_path(), "LICENSE.txt"), kLicense);
  folder.commit();
}

}  // namespace ldm::demo
