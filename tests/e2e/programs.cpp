#include "tests/e2e/programs.h"

#include <ATen/ATen.h>

#include <sstream>
#include <stdexcept>

#include "ldm/data/png.h"
#include "tests/support/files.h"
#include "tests/support/paths.h"

namespace ldm::testing {

std::string program(const std::string& name) {
  return std::string(LDM_PROGRAM_DIR) + "/" + name;
}

std::string tiny_checkpoint() {
  static const std::string path = [] {
    std::string file = temp_dir() + "/tiny.ckpt";
    const Outcome made = run_program({program("make_checkpoint"), "--config",
                                      golden_path("tiny-inference.yaml"), "--salt", "100", "--output", file});
    if (made.status != 0) throw std::runtime_error("make_checkpoint: " + made.error);
    return file;
  }();
  return path;
}

std::vector<std::string> on_tiny(const std::string& name, const std::vector<std::string>& arguments) {
  // One thread: threads that wait for each other spin, which lasts where the machine has other work.
  std::vector<std::string> command{program(name), "--config",        golden_path("tiny-inference.yaml"),
                                   "--ckpt",      tiny_checkpoint(), "--device",
                                   "cpu",         "--threads",       "1"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

std::vector<std::string> arguments_of(const parity::CaseFile& file) {
  const bool from_image = file.kind() == "img2img";
  std::vector<std::string> arguments{"--prompt",     file.text("prompt"),
                                     "--seed",       file.text("seed"),
                                     "--scale",      file.text("scale"),
                                     "--ddim_eta",   file.text("eta"),
                                     "--n_iter",     file.text("n_iter"),
                                     "--n_samples",  file.text("n_samples"),
                                     "--ddim_steps", file.text(from_image ? "ddim_steps" : "steps")};
  const auto add = [&](const std::vector<std::string>& more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
  };
  if (from_image) {
    add({"--init-img", golden_path("tiny_img2img_input.png"), "--strength", file.text("strength")});
    return arguments;
  }
  add({"--H", file.text("H"), "--W", file.text("W")});
  if (file.text("sampler") == "plms") add({"--plms"});
  if (file.text("sampler") == "dpm") add({"--dpm_solver"});
  if (file.text("fixed_code", "0") == "1") add({"--fixed_code"});
  return arguments;
}

at::Tensor pixels(const std::string& path) {
  return data::read_png(path).pixels;
}

at::Tensor pixels(const std::vector<std::string>& paths) {
  std::vector<at::Tensor> images;
  for (const std::string& path : paths) images.push_back(pixels(path));
  return at::stack(images);
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> list;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) list.push_back(line);
  return list;
}

}  // namespace ldm::testing
