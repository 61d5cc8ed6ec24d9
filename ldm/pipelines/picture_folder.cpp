#include "ldm/pipelines/picture_folder.h"

#include <utility>

#include "ldm/files/output_folder.h"

namespace ldm {
namespace {

/// Calls `action`; what goes wrong with a file becomes an OutputError.
template <typename Action>
auto writing(const Action& action) {
  try {
    return action();
  } catch (const files::FileError& error) {
    throw OutputError(std::string("--outdir: ") + error.what());
  }
}

files::NumberedFiles open_previews(const std::string& outdir) {
  const std::string folder = files::join(outdir, "previews");
  files::create_output_folder(folder);
  return files::NumberedFiles(folder, "%05d.png", files::count_entries(folder));
}

}  // namespace

PictureFolder::PictureFolder(const GenerationOptions& options, Written written)
    : written_(std::move(written)) {
  writing([&] {
    folder_ = data::open_sample_folder(options.outdir);
    if (options.preview > 0) previews_ = open_previews(options.outdir);
  });
}

void PictureFolder::picture(const at::Tensor& image_u8, const PictureInfo& info) {
  data::GenerationParameters parameters = parameters_;
  parameters.prompt = info.prompt;
  parameters.iteration = info.batch;
  parameters.batch_pos = info.index_in_batch;
  parameters.batch_size = info.batch_size;
  if (parameters.per_image_seeds) parameters.seed += info.index;
  write(folder_->samples, image_u8, data::parameters_chunks(parameters));
}

void PictureFolder::grid(const at::Tensor& image_u8) {
  write(folder_->grids, image_u8, data::parameters_chunks(parameters_));
}

void PictureFolder::preview(const at::Tensor& image_u8) {
  write(*previews_, image_u8, {});
}

void PictureFolder::write(files::NumberedFiles& to, const at::Tensor& image_u8,
                          const std::vector<data::PngText>& text) {
  written_(writing([&] { return data::write_png(to, image_u8, text); }));
}

data::GenerationParameters shared_parameters(const GenerationOptions& options, const GenerationPlan& plan,
                                             c10::Device device, bool ema) {
  data::GenerationParameters parameters;
  if (options.from_file.empty()) parameters.prompt = options.prompt;
  parameters.negative_prompt = options.negative_prompt;
  parameters.steps = plan.sampler == "ddpm" ? plan.steps : options.ddim_steps;
  parameters.sampler = plan.sampler;
  parameters.cfg_scale = options.scale;
  parameters.seed = options.seed;
  parameters.per_image_seeds = options.per_image_seeds;
  parameters.width = plan.image.width;
  parameters.height = plan.image.height;
  parameters.model = options.model.ckpt;
  if (options.kind == GenerationKind::img2img) parameters.denoising_strength = options.strength;
  if (plan.sampler == "ddim") parameters.eta = options.ddim_eta;
  parameters.precision = options.model.precision;
  parameters.device = device.is_cuda() ? "cuda" : "cpu";
  parameters.rng = device.is_cuda() ? "GPU" : "CPU";
  parameters.ema = ema;
  return parameters;
}

}  // namespace ldm
