#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace ldm {

/// An option with a value that cannot be, or that contradicts another one: the message names the options as
/// they are spelled on the command line and says what was expected.
class OptionError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

/// Something that the reference can do and this library cannot yet.
class NotSupported : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// From a text alone, or from an image and a text.
enum class GenerationKind { txt2img, img2img };

/// Which model, and how it is held: what cannot change once it is loaded.
struct ModelOptions {
  std::string config = "configs/stable-diffusion/v1-inference.yaml";
  std::string ckpt = "models/ldm/stable-diffusion-v1/model.ckpt";
  std::vector<std::string> overrides;  ///< "a.b.c=value", on top of the config
  /// img2img: pictures are cut to a square and brought to this side, rounded down to a multiple of 32, for a
  /// model that knows no other; 0: scaled to multiples of 32, as the reference does.
  std::int64_t picture_side = 0;
  bool laion400m = false;
  std::string ema = "config";          ///< parse_ema_choice
  std::string ema_ckpt;                ///< a file of its own for the averages; empty for none
  std::string mmap = "auto";           ///< parse_mmap_choice
  bool model_hash = false;             ///< compute the checkpoint's hash if it is not known
  std::string device = "auto";         ///< select_device
  std::int64_t threads = 0;            ///< of the CPU; 0 leaves the choice to LibTorch
  std::string precision = "autocast";  ///< parse_precision
};

/// What to make: the options of the reference's scripts under their names, and a few more. The values here
/// are txt2img's defaults.
struct GenerationOptions {
  GenerationKind kind = GenerationKind::txt2img;

  std::string prompt = "a painting of a virus monster playing guitar";
  std::string negative_prompt;  ///< in place of the empty text of the unconditional side
  std::string from_file;        ///< prompts, one a line; empty for `prompt` alone

  std::int64_t H = 512, W = 512;  ///< pixels; txt2img alone
  std::string init_img;           ///< img2img alone, as `strength`
  double strength = 0.75;         ///< share of the steps that are run on the noised image, in [0, 1]

  std::int64_t n_iter = 2;     ///< how often every prompt is sampled
  std::int64_t n_samples = 3;  ///< images in a batch
  std::int64_t n_rows = 0;     ///< images in a row of the grid; 0 for n_samples

  bool plms = false, dpm_solver = false;
  std::string sampler;  ///< one of sampler_names(); empty for what the two switches say, else "ddim"
  std::int64_t ddim_steps = 50;
  double ddim_eta = 0.0;
  double scale = 7.5;
  std::int64_t C = 4, f = 8;  ///< channels of the latent, pixels for each of its rows and columns
  bool fixed_code = false;
  std::int64_t seed = 42;
  bool per_image_seeds = false;  ///< image k of the run is that of a run of its own with seed + k

  std::string outdir = "outputs/txt2img-samples";
  bool skip_grid = false, skip_save = false;
  std::int64_t preview = 0;  ///< steps between two preview images; 0 for none

  ModelOptions model;
};

/// The defaults of the reference's script of that kind.
GenerationOptions default_options(GenerationKind kind);

/// The sampler that `plms`, `dpm_solver` and `sampler` name together. Throws OptionError when they name
/// different ones.
std::string chosen_sampler(const GenerationOptions& options);

/// Throws OptionError for options that contradict each other or do not suit their kind, and NotSupported for
/// a model that is not built yet. The range of each single number is checked where it is read. Looks at no
/// file.
void check_options(const GenerationOptions& options);

}  // namespace ldm
