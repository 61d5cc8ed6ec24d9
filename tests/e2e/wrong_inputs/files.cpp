#include "tests/e2e/wrong_inputs/files.h"

#include <ATen/ATen.h>

#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <stdexcept>
#include <vector>

#include "ldm/checkpoint/open_checkpoint.h"
#include "ldm/checkpoint/writer.h"
#include "ldm/data/png.h"
#include "tests/e2e/programs.h"
#include "tests/support/files.h"
#include "tests/support/paths.h"

namespace ldm::testing {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPage =
    "<!DOCTYPE html><html><head><title>Sign in</title></head><body></body></html>\n";
constexpr const char* kPointer =
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:fe4efff1e174c627256e44ec2991ba279b3816e364b49f9be2abc0b3ff3f8556\nsize 4265380512\n";

std::string write_text(const std::string& path, const std::string& text) {
  return write_file(path, text);
}

/// The first half of a file.
std::string write_half(const std::string& path, const std::string& of) {
  const std::string whole = read_file(of);
  return write_file(path, whole.substr(0, whole.size() / 2));
}

/// The small model's checkpoint with NaN in one weight of the UNet.
std::string write_nan_checkpoint(const std::string& path) {
  const std::string damaged = "model.diffusion_model.out.2.bias";
  const auto state = checkpoint::open_checkpoint(tiny_checkpoint());
  std::vector<checkpoint::NamedTensorSource> sources;
  for (const std::string& name : state.names()) {
    const auto& info = state.info(name);
    const auto make = [state, name, damaged] {
      const at::Tensor tensor = state.tensor(name).tensor;
      return name == damaged ? at::full_like(tensor, std::numeric_limits<float>::quiet_NaN()) : tensor;
    };
    sources.push_back({name, info.dtype, info.sizes, make});
  }
  checkpoint::write_ckpt(path, sources);
  return path;
}

std::string write_small_picture(const std::string& path) {
  data::write_png(path, at::zeros({20, 40, 3}, at::kByte));
  return path;
}

using Make = std::function<std::string(const std::string& path)>;

const std::map<std::string, Make>& makers() {
  static const std::map<std::string, Make> table{
      {"tmp", [](const std::string& path) { return fs::create_directories(path), path; }},
      {"goldens", [](const std::string&) { return project_path("tests/goldens"); }},
      {"empty", [](const std::string& path) { return write_text(path, ""); }},
      {"blank.txt", [](const std::string& path) { return write_text(path, " \n\n\t\n"); }},
      {"page.html", [](const std::string& path) { return write_text(path, kPage); }},
      {"pointer.ckpt", [](const std::string& path) { return write_text(path, kPointer); }},
      {"cut.ckpt", [](const std::string& path) { return write_half(path, tiny_checkpoint()); }},
      {"nan.ckpt", write_nan_checkpoint},
      {"broken.yaml", [](const std::string& path) { return write_text(path, "model: [1, 2\nparams: }\n"); }},
      {"other.yaml", [](const std::string& path) { return write_text(path, "data:\n  batch_size: 4\n"); }},
      {"small.png", write_small_picture},
      {"cut.png",
       [](const std::string& path) { return write_half(path, golden_path("tiny_img2img_input.png")); }}};
  return table;
}

std::string path_of(const std::string& name) {
  static std::map<std::string, std::string> made;
  const auto maker = makers().find(name);
  if (maker == makers().end())
    throw std::runtime_error("expected one of the known files, got {" + name + "}");
  if (made.count(name) == 0) {
    const std::string folder = temp_dir() + "/wrong";
    fs::create_directories(folder);
    made[name] = maker->second(folder + "/" + name);
  }
  return made[name];
}

}  // namespace

std::string with_files(const std::string& text) {
  const std::size_t open = text.find('{');
  const std::size_t close = text.find('}', open);
  if (open == std::string::npos || close == std::string::npos) return text;
  return text.substr(0, open) + path_of(text.substr(open + 1, close - open - 1)) +
         with_files(text.substr(close + 1));
}

}  // namespace ldm::testing
