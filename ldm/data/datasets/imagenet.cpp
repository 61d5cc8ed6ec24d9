#include "ldm/data/datasets/imagenet.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <set>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "ldm/data/datasets/file_lists.h"
#include "ldm/data/datasets/imagenet_files.h"
#include "ldm/data/image_transform.h"
#include "ldm/data/seeds.h"
#include "ldm/files/error.h"
#include "ldm/files/output_folder.h"

namespace ldm::data {
namespace {

std::string text_of_variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string default_data_root() {
  std::string cache = text_of_variable("XDG_CACHE_HOME");
  if (cache.empty()) cache = files::join(text_of_variable("HOME"), ".cache");
  return files::join(cache, "autoencoders/data");
}

ImageNetBase::Options checked(ImageNetBase::Options options) {
  if (options.size) check_side("size", *options.size);
  // What keeps a whole image has nothing to cut.
  if (!options.size || !options.process_images) options.random_crop = false;
  return options;
}

ImageNetBase::Options with_crop(ImageNetBase::Options options, bool random_crop) {
  if (!options.random_crop) options.random_crop = random_crop;
  return options;
}

std::int64_t parse_index(const std::string& text, std::size_t begin, std::size_t end) {
  while (begin < end && text[begin] == ' ') ++begin;
  while (end > begin && text[end - 1] == ' ') --end;
  std::int64_t index = 0;
  const auto [stop, error] = std::from_chars(text.data() + begin, text.data() + end, index);
  const bool good = error == std::errc() && stop == text.data() + end && index >= 0 && index < (1 << 20);
  if (!good) {
    throw std::invalid_argument("expected sub_indices like '32-123, 256, 280-321', got '" + text + "'");
  }
  return index;
}

}  // namespace

std::vector<std::int64_t> parse_sub_indices(const std::string& text) {
  std::vector<std::int64_t> indices;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::size_t dash = std::min(text.find('-', begin), end);
    const std::int64_t first = parse_index(text, begin, dash);
    const std::int64_t stop = dash == end ? first + 1 : parse_index(text, dash + 1, end);
    for (std::int64_t index = first; index < stop; ++index) indices.push_back(index);
    begin = end + 1;
  }
  std::sort(indices.begin(), indices.end());
  return indices;
}

ImageNetBase::ImageNetBase(const std::string& name, Options options, ImageReader reader, LinearResize resize)
    : options_(checked(std::move(options))),
      reader_(std::move(reader)),
      resize_(std::move(resize)),
      root_(files::join(options_.data_root.value_or(default_data_root()), name)),
      data_(files::join(root_, "data")),
      relpaths_(read_imagenet_list(root_)),
      human_of_(read_synset_human(root_)) {
  if (options_.sub_indices) keep_sub_indices();
  label_classes();
}

void ImageNetBase::keep_sub_indices() {
  const std::vector<std::int64_t> indices = parse_sub_indices(*options_.sub_indices);
  const auto synset_of_index = read_index_synset(root_);
  std::set<std::string> kept;
  for (const std::int64_t index : indices) {
    const auto synset = synset_of_index.find(index);
    if (synset == synset_of_index.end()) {
      throw std::invalid_argument("expected sub_indices that index_synset.yaml holds, got " +
                                  std::to_string(index));
    }
    kept.insert(synset->second);
  }
  const auto is_left_out = [&](const std::string& path) { return kept.count(synset_of(path)) == 0; };
  relpaths_.erase(std::remove_if(relpaths_.begin(), relpaths_.end(), is_left_out), relpaths_.end());
  if (relpaths_.empty()) {
    throw files::FileError("'" + root_ +
                           "': expected images of the synsets that sub_indices names, got none");
  }
}

void ImageNetBase::label_classes() {
  for (const std::string& path : relpaths_) class_of_.emplace(synset_of(path), 0);
  std::int64_t next = 0;
  for (auto& [synset, label] : class_of_) label = next++;
  if (options_.keep_orig_class_label) {
    std::map<std::string, std::int64_t> index_of;
    for (const auto& [index, synset] : read_index_synset(root_)) index_of[synset] = index;
    for (auto& [synset, label] : class_of_) {
      if (index_of.count(synset) == 0) {
        throw files::FileError("'" + root_ +
                               "': expected an index for each synset in index_synset.yaml, got none for " +
                               synset);
      }
      label = index_of[synset];
    }
  }
  for (const auto& [synset, label] : class_of_) {
    if (human_of_.empty() || human_of_.count(synset) > 0) continue;
    throw files::FileError("'" + root_ +
                           "': expected names for each synset in synset_human.txt, got none for " + synset);
  }
}

std::string ImageNetBase::name_of(std::int64_t index) const {
  return files::join(data_, relpaths_.at(static_cast<std::size_t>(index)));
}

at::Tensor ImageNetBase::transform(const at::Tensor& image, at::Generator& random) const {
  if (!options_.size) return to_model_range(image);
  const std::int64_t size = *options_.size;
  const double scale =
      static_cast<double>(size) / static_cast<double>(std::min(image.size(0), image.size(1)));
  const auto scaled = [&](std::int64_t side) {
    // Halves go to the even number, as the default rounding mode has it.
    return static_cast<std::int64_t>(std::nearbyint(static_cast<double>(side) * scale));
  };
  const at::Tensor resized =
      scale == 1.0 ? image : resize_(image, scaled(image.size(0)), scaled(image.size(1)));
  if (!options_.random_crop.value_or(false)) return to_model_range(center_crop(resized, {size, size}));
  // As albumentations' RandomCrop, which never takes the last place.
  const std::int64_t top = draw_below(resized.size(0) - size, random);
  const std::int64_t left = draw_below(resized.size(1) - size, random);
  return to_model_range(crop(resized, top, left, {size, size}));
}

Example ImageNetBase::get(std::int64_t index, at::Generator& random) const {
  const std::string path = name_of(index);
  const std::string& relpath = relpaths_[static_cast<std::size_t>(index)];
  const std::string synset = synset_of(relpath);
  Example example;
  example["relpath"] = relpath;
  example["synsets"] = synset;
  example["class_label"] = class_of_.at(synset);
  example["file_path_"] = path;
  if (!human_of_.empty()) example["human_label"] = human_of_.at(synset);
  if (options_.process_images) example["image"] = transform(reader_(path), random);
  return example;
}

std::string ImageNetBase::fingerprint() const {
  std::ostringstream options;
  options << "ImageNet size " << options_.size.value_or(0) << " random_crop "
          << options_.random_crop.value_or(false) << " process_images " << options_.process_images;
  return fingerprint_of(data_, relpaths_, options.str());
}

ImageNetTrain::ImageNetTrain(Options options, ImageReader reader, LinearResize resize)
    : ImageNetBase("ILSVRC2012_train", with_crop(std::move(options), true), std::move(reader),
                   std::move(resize)) {}

ImageNetValidation::ImageNetValidation(Options options, ImageReader reader, LinearResize resize)
    : ImageNetBase("ILSVRC2012_validation", with_crop(std::move(options), false), std::move(reader),
                   std::move(resize)) {}

}  // namespace ldm::data
