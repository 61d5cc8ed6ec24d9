#include "tests/data/datasets/dataset_test_util.h"

#include <filesystem>

#include "ldm/checkpoint/open_checkpoint.h"
#include "ldm/data/png.h"
#include "ldm/data/seeds.h"
#include "tests/data/data_test_util.h"
#include "tests/support/files.h"
#include "tests/support/paths.h"

namespace ldm::data::testing {

namespace fs = std::filesystem;

ImageReader png_reader() {
  return [](const std::string& path) { return read_png(path).pixels; };
}

at::Tensor dataset_golden(const std::string& name) {
  auto golden = ldm::checkpoint::open_checkpoint(ldm::testing::golden_path("dataset_images.safetensors"));
  return golden.tensor(name).tensor.clone();
}

std::string write_into(const std::string& folder, const std::string& path, const std::string& bytes) {
  const fs::path file = fs::path(folder) / path;
  fs::create_directories(file.parent_path());
  return ldm::testing::write_file(file.string(), bytes);
}

std::string write_pictures(const std::string& folder, const std::vector<std::string>& paths,
                           std::int64_t height, std::int64_t width) {
  for (const std::string& path : paths) write_into(folder, path, encode_png(noise_image(height, width)));
  return folder;
}

Example get(const Dataset& dataset, std::int64_t index, std::uint64_t seed) {
  at::Generator random = make_generator(seed);
  return dataset.get(index, random);
}

at::Tensor image_of(const Example& example) {
  return std::get<at::Tensor>(example.at("image"));
}

std::string text_of(const Example& example, const std::string& field) {
  return std::get<std::string>(example.at(field));
}

}  // namespace ldm::data::testing
