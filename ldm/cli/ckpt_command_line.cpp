#include "ldm/cli/ckpt_command_line.h"

#include <limits>
#include <utility>
#include <vector>

namespace ldm::cli {
namespace {

constexpr const char* kInspectSummary =
    "Says what a weights file holds, without running or loading it: format, types, parts, which model it\n"
    "is, averages (EMA), and what its pickle names. FILE is a .ckpt, a .safetensors file, an index of\n"
    "several, or a folder in diffusers' layout.";
constexpr const char* kConvertSummary =
    "Writes weights in another form. IN is anything that `ckpt inspect` reads; OUT a new .ckpt or\n"
    ".safetensors file, or a folder in diffusers' layout. Without a change of type every tensor keeps its\n"
    "bits. Integers, and the buffers of the noise schedule, keep their types: programs compute with the\n"
    "schedule as it is in the file, and in half precision its last timesteps would be others.";
constexpr const char* kDiffSummary =
    "Compares two sets of weights tensor by tensor, whatever forms they come in; with --ema the trained\n"
    "weights of one file with their averages. Distances are |A - B| / |A| in the L2 norm, largest first.";
constexpr const char* kVerifySummary =
    "Looks for damage: computes every checksum of the file, looks for NaN and infinity in every tensor, and\n"
    "holds names and shapes against a config's model.";

OptionGroup open_options(OpenOptions& o, std::vector<Option> options) {
  options.push_back(text("ema-ckpt", "FILE", o.ema_ckpt, "take the averages from this file or folder"));
  options.push_back(choice("mmap", o.mmap, {"auto", "on", "off"},
                           "how files are read: mapped, or into memory; auto: into memory on network disks"));
  options.push_back(flag("help", o.help, "this text"));
  return {"Options", std::move(options)};
}

CommandLine command_line(const std::string& command, const std::string& summary, const std::string& files,
                         OptionGroup group) {
  CommandLine line("ckpt " + command, summary, {std::move(group)});
  line.take_files(files);
  return line;
}

}  // namespace

CommandLine inspect_command_line(InspectOptions& o) {
  return command_line(
      "inspect", kInspectSummary, "FILE",
      open_options(o.open,
                   {flag("json", o.json, "one JSON object (scripts/README.md lists its members)"),
                    flag("keys", o.keys, "a line for each tensor: name, type, shape"),
                    flag("stats", o.stats,
                         "read all tensors: NaN and infinity, how far averages are from trained weights; "
                         "with --keys range, mean and deviation of each tensor"),
                    flag("hash", o.hash,
                         "SHA-256 and the webui's short hashes; kept for the next time in "
                         "~/.cache/ldm/hashes.json")}));
}

CommandLine convert_command_line(ConvertOptions& o) {
  Option to = choice("to", o.to, {"ckpt", "safetensors", "diffusers"}, "form of OUT");
  to.initial = "by the name of OUT";
  return command_line(
      "convert", kConvertSummary, "IN OUT",
      open_options(
          o.open,
          {std::move(to), choice("dtype", o.dtype, {"keep", "fp16", "bf16", "fp32"}, "type of the weights"),
           choice("ema", o.ema, {"keep", "only", "drop"},
                  "averages: keep them beside the trained weights; only them, in the place of the trained "
                  "ones, as "
                  "in files published for inference; or drop them"),
           text("vae", "FILE", o.vae, "take the VAE from this file (a VAE alone or a whole model)"),
           flag("deflate", o.deflate, "pack a .ckpt's entries: smaller, but slower to open, and not mapped"),
           text("only-tokens", "FILE", o.only_tokens,
                "set the text encoder's rows of all tokens to zero that no line of FILE uses, for a model "
                "that "
                "never learnt them; with --deflate they take no space"),
           flag("force", o.force, "replace OUT if it is a file that is there already")}));
}

CommandLine diff_command_line(DiffOptions& o) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  return command_line(
      "diff", kDiffSummary, "A B | --ema FILE",
      open_options(o.open,
                   {flag("ema", o.ema, "compare the trained weights of FILE with their averages"),
                    flag("json", o.json, "one JSON object (scripts/README.md lists its members)"),
                    integer("limit", o.limit, {0, kMost}, "most names of each kind to show; 0 for all")}));
}

CommandLine verify_command_line(VerifyOptions& o) {
  Option config = text("config", "YAML", o.config, "the model that the weights must fit");
  config.initial = "the one of what they are";
  return command_line("verify", kVerifySummary, "FILE", open_options(o.open, {std::move(config)}));
}

}  // namespace ldm::cli
