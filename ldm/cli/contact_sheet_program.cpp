#include "ldm/cli/contact_sheet_program.h"

#include <ATen/ATen.h>

#include <iostream>

#include "ldm/cli/command_line.h"
#include "ldm/cli/exit_status.h"
#include "ldm/data/image_tensor.h"
#include "ldm/data/png.h"
#include "ldm/files/error.h"
#include "ldm/pipelines/generation_options.h"

namespace ldm::cli {
namespace {

constexpr const char* kSummary = "Puts PNG pictures of one size side by side, in rows, into a new one.";
constexpr const char* kEnding =
    "\n"
    "Exit status: 0 done; 1 some other failure; 2 wrong options; 3 a picture that is missing, damaged or of "
    "another size; 4 OUT "
    "is\n"
    "in use or cannot be written; 5 out of memory.\n";

struct Options {
  std::int64_t columns = 4, zoom = 1;
  bool help = false;
};

CommandLine command_line(Options& o) {
  CommandLine line("contact_sheet", kSummary,
                   {{"Options",
                     {integer("columns", o.columns, {1, 1000}, "pictures in a row"),
                      integer("zoom", o.zoom, {1, 64}, "each pixel becomes a square of so many"),
                      flag("help", o.help, "this text")}}});
  line.take_files("OUT IN...");
  return line;
}

at::Tensor read_alike(const std::string& path, const at::Tensor& first) {
  at::Tensor pixels = data::read_png(path).pixels;
  if (first.defined() && pixels.sizes() != first.sizes()) {
    throw files::FileError("'" + path + "': expected a picture of " + std::to_string(first.size(1)) + "x" +
                           std::to_string(first.size(0)) + " pixels as the first one, got " +
                           std::to_string(pixels.size(1)) + "x" + std::to_string(pixels.size(0)));
  }
  return pixels;
}

void make_sheet(const std::vector<std::string>& files, const Options& options) {
  std::vector<at::Tensor> pictures;
  for (std::size_t i = 1; i < files.size(); ++i) {
    const at::Tensor first = pictures.empty() ? at::Tensor() : pictures.front();
    pictures.push_back(read_alike(files[i], first));
  }
  const at::Tensor zoomed =
      at::stack(pictures).repeat_interleave(options.zoom, 1).repeat_interleave(options.zoom, 2);
  data::write_png(files.front(), data::make_grid(zoomed, options.columns));
  std::cout << files.front() << std::endl;
}

}  // namespace

int contact_sheet_program(const std::vector<std::string>& arguments) {
  return guarded("contact_sheet", [&] {
    Options options;
    CommandLine line = command_line(options);
    const std::string help = line.help(kEnding);
    line.parse(arguments);
    if (options.help) {
      std::cout << help;
      return ExitStatus::success;
    }
    if (line.files().size() < 2) {
      throw OptionError("expected a name OUT and at least one picture, got " +
                        std::to_string(line.files().size()) +
                        (line.files().size() == 1 ? " name" : " names"));
    }
    make_sheet(line.files(), options);
    return ExitStatus::success;
  });
}

}  // namespace ldm::cli
