#include "ldm/data/datasets/lsun.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "ldm/data/datasets/file_lists.h"
#include "ldm/files/error.h"
#include "ldm/files/output_folder.h"

namespace ldm::data {
namespace {

LSUNBase::Options checked(const LSUNBase::Options& options) {
  if (options.size) check_side("size", *options.size);
  check_probability("flip_p", options.flip_p);
  return options;
}

std::vector<std::string> listed_paths(const std::string& txt_file) {
  std::vector<std::string> paths = split_lines(read_text(txt_file, "a list of image files (txt_file)"));
  paths.erase(std::remove(paths.begin(), paths.end(), ""), paths.end());
  if (paths.empty()) {
    throw files::FileError("'" + txt_file + "': expected a list of image files, got only empty lines");
  }
  return paths;
}

}  // namespace

LSUNBase::LSUNBase(const Options& options, ImageReader reader)
    : options_(checked(options)), reader_(std::move(reader)), paths_(listed_paths(options.txt_file)) {}

std::string LSUNBase::name_of(std::int64_t index) const {
  return files::join(options_.data_root, paths_.at(static_cast<std::size_t>(index)));
}

Example LSUNBase::get(std::int64_t index, at::Generator& random) const {
  const std::string path = name_of(index);
  at::Tensor image = reader_(path);
  const std::int64_t side = std::min(image.size(0), image.size(1));
  image = center_crop(image, {side, side});
  if (options_.size) image = pillow_resize(image, *options_.size, *options_.size, options_.interpolation);
  Example example;
  example["relative_file_path_"] = paths_[static_cast<std::size_t>(index)];
  example["file_path_"] = path;
  example["image"] = to_model_range(random_horizontal_flip(image, options_.flip_p, random));
  return example;
}

std::string LSUNBase::fingerprint() const {
  std::ostringstream options;
  options << "LSUN size " << options_.size.value_or(0) << " interpolation "
          << static_cast<int>(options_.interpolation) << " flip_p " << options_.flip_p;
  return fingerprint_of(options_.data_root, paths_, options.str());
}

}  // namespace ldm::data
