#include "ldm/demo/make_demo_data_program.h"

#include <iostream>
#include <limits>

#include "ldm/cli/command_line.h"
#include "ldm/cli/exit_status.h"
#include "ldm/demo/demo_data.h"
#include "ldm/pipelines/generation_options.h"
#include "ldm/pipelines/project_files.h"

namespace ldm::demo {
namespace {

constexpr const char* kSummary =
    "Makes the pictures and captions that the demo model learns from: emoji on coloured backgrounds.\n"
    "  make_demo_data --outdir data/demo";
constexpr const char* kEnding =
    "The folder gets train, held_out and first_stage, each with a metadata.jsonl, captions.txt (those of\n"
    "train) and LICENSE.txt. It must not exist yet, or be empty. Equal options make equal files.\n"
    "\n"
    "Exit status: 0 done; 1 some other failure; 2 wrong options; 3 a font or list that is missing or\n"
    "damaged; 4 the folder is in use or cannot be written; 5 out of memory.\n";

struct Options {
  DemoDataOptions data;
  std::int64_t seed = 23;
  std::string font = EmojiFont::kDefaultPath;
  std::string objects = "configs/demo/objects.txt";
  bool help = false;
};

cli::CommandLine command_line(Options& o) {
  constexpr std::int64_t most = 999'999;
  return cli::CommandLine(
      "make_demo_data", kSummary,
      {{"Options",
        {cli::text("outdir", "DIR", o.data.folder, "folder to make"),
         cli::integer("seed", o.seed, {0, std::numeric_limits<std::uint32_t>::max()},
                      "of all that is drawn by lot"),
         cli::integer("pictures", o.data.pictures, {0, most},
                      "pictures in train, to train the diffusion model"),
         cli::integer("held_out", o.data.held_out, {0, most},
                      "pictures in held_out: combinations that train lacks"),
         cli::integer("first_stage", o.data.first_stage, {0, most},
                      "pictures in first_stage, to train the autoencoder"),
         cli::text("objects", "FILE", o.objects, "list of objects: code points and names"),
         cli::text("font", "FILE", o.font, "Noto Color Emoji"), cli::flag("help", o.help, "this text")}}});
}

void show_progress(const std::string& what, std::int64_t done, std::int64_t total) {
  if (done == total || done % 1000 == 0)
    std::cerr << what << ": " << done << " of " << total << " pictures\n";
}

}  // namespace

int make_demo_data_program(const std::vector<std::string>& arguments) {
  return cli::guarded("make_demo_data", [&] {
    Options options;
    cli::CommandLine line = command_line(options);
    const std::string help = line.help(kEnding);
    line.parse(arguments);
    if (options.help) {
      std::cout << help;
      return cli::ExitStatus::success;
    }
    if (!line.overrides().empty()) {
      throw OptionError("expected no override of a config, got '" + line.overrides().front() + "'");
    }
    options.data.seed = static_cast<std::uint64_t>(options.seed);
    const std::vector<Object> objects = read_objects(find_project_file(options.objects));
    const Sprites sprites(EmojiFont(options.font), objects);
    make_demo_data(options.data, objects, sprites, show_progress);
    std::cout << options.data.folder << std::endl;
    return cli::ExitStatus::success;
  });
}

}  // namespace ldm::demo
