#include "ldm/cli/generation_command_line.h"

#include <utility>

#include "ldm/models/diffusion/sampler.h"
#include "ldm/pipelines/demo_model.h"

namespace ldm::cli {
namespace {

constexpr double kAny = 1e15;
constexpr const char* kTxt2ImgSummary = "Paints pictures of a text with Stable Diffusion v1.";
constexpr const char* kImg2ImgSummary =
    "Paints pictures of a text over a given picture with Stable Diffusion v1.";

OptionGroup prompt_options(GenerationOptions& o) {
  return {"What to paint",
          {text("prompt", "TEXT", o.prompt, "the prompt to render"),
           text("negative-prompt", "TEXT", o.negative_prompt,
                "what guidance leads away from, in place of the empty text"),
           text("from-file", "FILE", o.from_file,
                "prompts, one a line, blank lines skipped; each batch takes the next n_samples of them")}};
}

OptionGroup picture_options(GenerationOptions& o) {
  if (o.kind == GenerationKind::img2img) {
    return {"Input picture",
            {text("init-img", "FILE", o.init_img,
                  "picture to start from, scaled to multiples of 32 pixels; any format that OpenCV reads"),
             real("strength", o.strength, {0, 1},
                  "how much of the input is destroyed: 0 keeps it, 1 keeps nothing"),
             integer("picture-side", o.model.picture_side, {0, 16384},
                     "cut the input to a square and bring it to this side; 0 keeps its form, as the "
                     "reference does")}};
  }
  return {"Picture size",
          {integer("H", o.H, {8, 16384}, "height in pixels, a multiple of 8"),
           integer("W", o.W, {8, 16384}, "width in pixels, a multiple of 8")}};
}

OptionGroup amount_options(GenerationOptions& o) {
  return {
      "How many (n_iter x n_samples pictures of a prompt)",
      {integer("n_iter", o.n_iter, {1, 1'000'000},
               "batches, one after another: costs time, no memory. With --from-file, passes over the file"),
       integer("n_samples", o.n_samples, {1, 4096},
               "pictures in a batch, computed together: costs memory, and on a GPU less time for each "
               "picture. With --from-file, prompts in a batch"),
       integer("n_rows", o.n_rows, {0, 4096}, "pictures in a row of the grid; 0 for n_samples")}};
}

OptionGroup sampling_options(GenerationOptions& o) {
  std::vector<Option> options{
      integer("ddim_steps", o.ddim_steps, {1, 1000}, "sampling steps"),
      flag("plms", o.plms, "the PLMS sampler"),
      real("ddim_eta", o.ddim_eta, {0, kAny}, "noise of a ddim step: 0 is deterministic, 1 is DDPM's"),
      real("scale", o.scale, {-kAny, kAny}, "guidance: eps(empty) + scale * (eps(prompt) - eps(empty))"),
      flag("fixed_code", o.fixed_code, "the same start noise for every batch"),
      integer("C", o.C, {1, 1024}, "channels of the latent"),
      integer("f", o.f, {1, 64}, "pixels for each row and column of the latent"),
      integer("seed", o.seed, {0, 4294967295}, "start of all random numbers"),
      flag("per-image-seeds", o.per_image_seeds, "picture k is the one that seed + k gives alone")};
  if (o.kind == GenerationKind::txt2img) {
    options.insert(options.begin() + 2, flag("dpm_solver", o.dpm_solver, "the DPM-Solver sampler"));
    Option sampler =
        choice("sampler", o.sampler, sampler_names(),
               "ddpm is ancestral sampling over all timesteps of the model, whatever ddim_steps is");
    sampler.initial = "ddim";
    options.insert(options.begin() + 3, std::move(sampler));
  }
  return {"Sampling", std::move(options)};
}

OptionGroup output_options(GenerationOptions& o) {
  return {"Output",
          {text("outdir", "FOLDER", o.outdir,
                "samples/00000.png and up, and grid-0000.png and up; nothing is ever overwritten"),
           flag("skip_grid", o.skip_grid, "no grid"), flag("skip_save", o.skip_save, "no single pictures"),
           integer("preview", o.preview, {0, 1000},
                   "every N steps a small picture of the state, in the folder previews; 0 for none")}};
}

OptionGroup model_options(ModelOptions& o) {
  OptionGroup group{
      "Model",
      {text("config", "FILE", o.config, "YAML that the model is built from"),
       text("ckpt", "FILE", o.ckpt,
            "weights: .ckpt, .safetensors or a diffusers folder (models/README.md says where to get them)"),
       flag("laion400m", o.laion400m, "the LAION-400M model (not built yet)"),
       choice("ema", o.ema, {"config", "on", "off"}, "averaged weights: as the config says, always or never"),
       text("ema-ckpt", "FILE", o.ema_ckpt, "the averages, where they lie in a file of their own"),
       choice("mmap", o.mmap, {"auto", "on", "off"},
              "weights: mapped from the file, or read into memory; auto reads on network disks"),
       flag("model-hash", o.model_hash,
            "compute the SHA-256 of the weights for the pictures' texts, once: it is kept, and written from "
            "then on"),
       text("device", "DEVICE", o.device, "cpu, cuda, cuda:N, or auto: the first GPU if there is one"),
       integer("threads", o.threads, {0, 4096}, "threads of the CPU; 0 for one for each core"),
       choice(
           "precision", o.precision, {"full", "autocast", "half", "bf16"},
           "full: float32; autocast: on a GPU half where torch deems it safe; half, bf16: all weights so")}};
  group.fixed = true;
  return group;
}

OptionGroup program_options(ProgramOptions& o) {
  OptionGroup group{
      "Program",
      {flag("dry-run", o.dry_run, "only show the plan: pictures, steps, memory"),
       flag("interactive", o.interactive,
            "load the model once, then paint each line of standard input as a prompt; a line '--name value' "
            "changes an option"),
       flag("help", o.help, "this text")}};
  group.fixed = true;
  return group;
}

void check_interactive(const CommandLine& line) {
  for (const char* other : {"prompt", "from-file", "dry-run"}) {
    if (!line.given(other)) continue;
    throw OptionError(std::string("expected --interactive without --") + other +
                      ", got both: prompts come from standard input");
  }
}

}  // namespace

CommandLine generation_command_line(GenerationOptions& generation, ProgramOptions& program) {
  const bool from_image = generation.kind == GenerationKind::img2img;
  return CommandLine(from_image ? "img2img" : "txt2img", from_image ? kImg2ImgSummary : kTxt2ImgSummary,
                     {prompt_options(generation), picture_options(generation), amount_options(generation),
                      sampling_options(generation), output_options(generation),
                      model_options(generation.model), program_options(program)});
}

std::string turn_to_demo_model(const CommandLine& line, GenerationOptions& generation) {
  for (const char* choice : {"config", "ckpt", "ema-ckpt", "laion400m"}) {
    if (line.given(choice)) return "";
  }
  const std::string missing = generation.model.ckpt;
  if (!DemoModel::stands_in_for(missing)) return "";
  generation.model.config = DemoModel::config;
  generation.model.ckpt = DemoModel::ckpt;
  if (!line.given("picture-side")) generation.model.picture_side = DemoModel::side;
  if (!line.given("f")) generation.f = DemoModel::f;
  if (generation.kind == GenerationKind::txt2img) {
    if (!line.given("H")) generation.H = DemoModel::side;
    if (!line.given("W")) generation.W = DemoModel::side;
  }
  if (!line.given("prompt") && !line.given("from-file")) generation.prompt = DemoModel::prompt;
  return "no weights at " + missing +
         ": painting with the small demo model (64x64 pixels, emoji on plain colours); " +
         "README.md says how to get real ones";
}

void finish_command_line(const CommandLine& line, GenerationOptions& generation,
                         const ProgramOptions& program) {
  if (line.given("prompt") && line.given("from-file")) {
    throw OptionError("expected --prompt or --from-file, got both");
  }
  if (line.given("from-file") && generation.from_file.empty()) {
    throw OptionError("--from-file: expected a file, got an empty name");
  }
  if (program.interactive) check_interactive(line);
  generation.model.overrides = line.overrides();
  check_options(generation);
}

}  // namespace ldm::cli
