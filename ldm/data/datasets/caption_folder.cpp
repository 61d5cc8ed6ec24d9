#include "ldm/data/datasets/caption_folder.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "ldm/data/datasets/file_lists.h"
#include "ldm/data/error.h"
#include "ldm/data/seeds.h"
#include "ldm/files/output_folder.h"

namespace ldm::data {
namespace {

CaptionFolder::Options checked(const CaptionFolder::Options& options) {
  if (options.size) check_side("size", *options.size);
  if (options.crop_size) check_side("crop_size", *options.crop_size);
  check_probability("flip_p", options.flip_p);
  if (options.size && options.crop_size && *options.crop_size > *options.size) {
    throw std::invalid_argument("expected crop_size to be at most size (" + std::to_string(*options.size) +
                                "), got " + std::to_string(*options.crop_size));
  }
  return options;
}

}  // namespace

CaptionFolder::CaptionFolder(const Options& options, ImageReader reader)
    : options_(checked(options)),
      reader_(std::move(reader)),
      images_(read_captions(options.data_root, options.metadata)) {}

const CaptionedImage& CaptionFolder::item(std::int64_t index) const {
  return images_.at(static_cast<std::size_t>(index));
}

std::string CaptionFolder::name_of(std::int64_t index) const {
  return files::join(options_.data_root, item(index).file);
}

at::Tensor CaptionFolder::transform(at::Tensor image, const std::string& path, at::Generator& random) const {
  if (options_.size) {
    const std::int64_t side = std::min(image.size(0), image.size(1));
    image = crop_at(options_.crop, image, {side, side}, random);
    image = pillow_resize(image, *options_.size, *options_.size, options_.interpolation);
  }
  if (options_.crop_size) {
    const std::int64_t side = *options_.crop_size;
    if (image.size(0) < side || image.size(1) < side) {
      throw ImageError("'" + path + "': expected an image of at least " + std::to_string(side) + "x" +
                       std::to_string(side) + " pixels (crop_size), got " + std::to_string(image.size(1)) +
                       "x" + std::to_string(image.size(0)));
    }
    image = crop_at(options_.crop, image, {side, side}, random);
  }
  return to_model_range(random_horizontal_flip(image, options_.flip_p, random));
}

Example CaptionFolder::labels(std::int64_t index, at::Generator& random) const {
  const CaptionedImage& image = item(index);
  const auto chosen = draw_below(static_cast<std::int64_t>(image.captions.size()), random);
  Example example;
  example["caption"] = image.captions[static_cast<std::size_t>(chosen)];
  example["file_path_"] = name_of(index);
  example["relative_file_path_"] = image.file;
  return example;
}

Example CaptionFolder::get(std::int64_t index, at::Generator& random) const {
  Example example = labels(index, random);
  const std::string path = name_of(index);
  example["image"] = transform(reader_(path), path, random);
  return example;
}

bool CaptionFolder::has_fixed_images() const {
  const bool crops = options_.size.has_value() || options_.crop_size.has_value();
  return options_.flip_p == 0.0 && !(crops && options_.crop == CropPlace::random);
}

std::string CaptionFolder::fingerprint() const {
  std::ostringstream options;
  options << "CaptionFolder size " << options_.size.value_or(0) << " interpolation "
          << static_cast<int>(options_.interpolation) << " flip_p " << options_.flip_p << " crop "
          << static_cast<int>(options_.crop) << " crop_size " << options_.crop_size.value_or(0);
  std::vector<std::string> paths;
  for (const CaptionedImage& image : images_) paths.push_back(image.file);
  return fingerprint_of(options_.data_root, paths, options.str());
}

}  // namespace ldm::data
