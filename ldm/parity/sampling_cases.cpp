#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <filesystem>

#include "ldm/data/png.h"
#include "ldm/data/resize.h"
#include "ldm/models/diffusion/ddim.h"
#include "ldm/models/diffusion/dpm_solver_schedule.h"
#include "ldm/parity/run_record.h"
#include "ldm/parity/runner.h"

namespace ldm::parity {
namespace {

/// The multiple to which img2img cuts its input.
constexpr std::int64_t kInputMultiple = 32;

std::string sampler_of(const CaseFile& file) {
  const std::string name = file.text("sampler", "ddim");
  return name == "dpm" ? "dpm_solver" : name;
}

/// Tokens and encoding of one text, compared where the case keeps them: [1, 77, D].
at::Tensor encoded(CaseContext& context, LatentDiffusionImpl& model, const std::string& text,
                   const std::string& ids, const std::string& encoding) {
  const std::vector<std::string> texts{text};
  if (context.file.has_tensor(ids)) context.comparison.compare(ids, embedder_of(model).tokenize(texts));
  const at::Tensor c = model.get_learned_conditioning(texts);
  if (context.file.has_tensor(encoding)) context.comparison.compare(encoding, c);
  return c;
}

/// What all cases with a prompt ask of the sampler; latent sizes are left open.
SamplingRequest request_of(CaseContext& context, LatentDiffusionImpl& model) {
  const CaseFile& file = context.file;
  SamplingRequest request;
  request.batch_size = file.integer("n_samples", 1);
  request.unconditional_guidance_scale = file.real("scale", 1.0);
  request.eta = file.real("eta", 0.0);
  request.precision = context.options.precision;
  const auto rows = [&](const at::Tensor& c) {
    return model.as_conditioning(c.expand({request.batch_size, -1, -1}));
  };
  request.conditioning = rows(encoded(context, model, file.text("prompt"), "ids", "c"));
  // The tokens of "" are in every case, its encoding only where guidance needs it.
  const at::Tensor uc = encoded(context, model, "", "uc_ids", "uc");
  if (request.unconditional_guidance_scale != 1.0) request.unconditional_conditioning = rows(uc);
  return request;
}

std::uint64_t seed_of(const CaseFile& file) {
  return static_cast<std::uint64_t>(file.integer("seed", 42));
}

std::int64_t n_rows_of(const CaseFile& file) {
  const std::int64_t n_rows = file.integer("n_rows", 0);
  return n_rows > 0 ? n_rows : file.integer("n_samples", 1);
}

/// The goldens note DPM-Solver's steps by the time at their end, the others' by their timestep.
void compare_step_times(CaseContext& context, const LatentDiffusionImpl& model, const RunRecord& record) {
  if (!context.file.has_tensor("step_t")) return;
  if (sampler_of(context.file) != "dpm_solver") {
    context.comparison.compare("step_t", at::tensor(record.step_timesteps(), at::kDouble));
    return;
  }
  const DpmNoiseSchedule schedule(model.schedule("alphas_cumprod").to(at::kCPU));
  const at::Tensor ends = schedule.time_uniform(context.file.integer("steps", 50)).slice(0, 1);
  context.comparison.compare("step_t", ends.repeat({context.file.integer("n_iter", 1)}));
}

/// txt2img with what `adjust` adds to the request.
void run_text_to_image(CaseContext& context, const std::function<void(SamplingRequest&)>& adjust) {
  const auto model = context.model();
  const c10::InferenceMode inference;
  const AutocastScope autocast(context.options.device, context.options.precision);
  const CaseFile& file = context.file;
  const std::int64_t factor = file.integer("f", 8);
  SamplingRequest request = request_of(context, *model);
  request.steps = file.integer("steps", 50);
  request.shape = {file.integer("C", 4), file.integer("H", 512) / factor, file.integer("W", 512) / factor};
  RunRecord record(seed_of(file));
  if (file.integer("fixed_code", 0) != 0) {
    const std::vector<std::int64_t> sizes{request.batch_size, request.shape[0], request.shape[1],
                                          request.shape[2]};
    request.x_T = record.noise().normal(NoiseUse::start, sizes, context.options.device);
    if (file.has_tensor("start_code")) context.comparison.compare("start_code", request.x_T);
  }
  adjust(request);
  record.watch(request);
  const auto sampler = make_sampler(sampler_of(file), model);
  for (std::int64_t i = 0; i < file.integer("n_iter", 1); ++i) {
    const SamplingResult result = sampler->sample(request, record.noise());
    record.add(result, model->decode_first_stage(result.samples));
  }
  compare_step_times(context, *model, record);
  record.compare_sampling(context);
  record.compare_images(context, n_rows_of(file));
}

/// The input picture of an img2img case [H, W, 3]: the PNG beside it that its name begins with
/// ("tiny_img2img_ema" has "tiny_img2img_input.png"), or the tensor where there is none.
at::Tensor input_image(CaseContext& context) {
  const std::string word = "img2img", name = context.file.name();
  const std::size_t found = name.find(word);
  if (found != std::string::npos) {
    const auto folder = std::filesystem::path(context.file.path()).parent_path();
    const auto picture = folder / (name.substr(0, found + word.size()) + "_input.png");
    if (std::filesystem::exists(picture)) {
      const at::Tensor pixels = data::read_png(picture.string()).pixels;
      context.comparison.compare("input_u8", pixels);
      return pixels;
    }
  }
  return context.comparison.input("input_u8");
}

/// Reads, resizes and encodes the input picture: the latent [n_samples, 4, h, w] that img2img starts from.
at::Tensor init_latent(CaseContext& context, LatentDiffusionImpl& model, RecordingNoise& noise) {
  const at::Tensor pixels = input_image(context);
  const auto size = data::floor_to_multiple({pixels.size(0), pixels.size(1)}, kInputMultiple);
  const at::Tensor resized = data::lanczos_resize(pixels, size.height, size.width);
  context.comparison.compare("resized_u8", resized);
  const at::Tensor image = data::image_to_tensor(resized);
  context.comparison.compare("init_image", image);
  const std::int64_t rows = context.file.integer("n_samples", 1);
  const auto posterior = posterior_of(model, image.expand({rows, -1, -1, -1}).to(context.options.device));
  context.comparison.compare("mean", posterior.mean());
  context.comparison.compare("logvar", posterior.logvar());
  const at::Tensor latent = model.get_first_stage_encoding(posterior, noise);
  context.comparison.compare("posterior_noise", noise.draws(NoiseUse::posterior).back());
  context.comparison.compare("init_latent", latent);
  return latent;
}

std::int64_t t_enc_of(const CaseFile& file, std::int64_t steps) {
  const std::int64_t t_enc = encode_steps(file.real("strength", 0.75), steps);
  if (t_enc == file.integer("t_enc", t_enc)) return t_enc;
  throw std::runtime_error(file.path() + ": expected t_enc " + file.text("t_enc") + ", got " +
                           std::to_string(t_enc));
}

}  // namespace

void run_txt2img(CaseContext& context) {
  run_text_to_image(context, [](SamplingRequest&) {});
}

void run_inpaint(CaseContext& context) {
  run_text_to_image(context, [&](SamplingRequest& request) {
    request.mask = context.input("mask");
    request.x0 = context.input("x0");
  });
}

void run_img2img(CaseContext& context) {
  const auto model = context.model();
  const c10::InferenceMode inference;
  const CaseFile& file = context.file;
  RunRecord record(seed_of(file));
  const at::Tensor latent = init_latent(context, *model, record.noise());  // in float32, as there
  const AutocastScope autocast(context.options.device, context.options.precision);
  SamplingRequest request = request_of(context, *model);
  request.steps = file.integer("ddim_steps", 50);
  record.watch(request);
  const std::int64_t t_enc = t_enc_of(file, request.steps);
  DDIMSampler sampler(model);
  for (std::int64_t i = 0; i < file.integer("n_iter", 1); ++i) {
    const auto iteration = static_cast<std::size_t>(i);
    const at::Tensor z_enc = sampler.stochastic_encode(latent, t_enc, request, record.noise());
    const auto encode_noise = record.noise().draws(NoiseUse::encode).back();
    context.comparison.compare(iteration_name("encode_noise", iteration), encode_noise);
    context.comparison.compare(iteration_name("z_enc", iteration), z_enc);
    const SamplingResult result = sampler.decode(z_enc, t_enc, request, record.noise());
    record.add(result, model->decode_first_stage(result.samples));
  }
  compare_step_times(context, *model, record);
  record.compare_sampling(context);
  record.compare_images(context, n_rows_of(file));
}

void run_ancestral(CaseContext& context) {
  const auto model = context.model();
  const c10::InferenceMode inference;
  const CaseFile& file = context.file;
  SamplingRequest request;
  if (file.has("prompt")) {
    request = request_of(context, *model);
  } else {
    // Nothing says which text it encodes.
    const at::Tensor c = context.input("c");
    request.batch_size = c.size(0);
    request.conditioning = model->as_conditioning(c);
    request.precision = context.options.precision;
  }
  request.steps = file.integer("timesteps", model->num_timesteps());
  request.shape = file.tensor("x_T").sizes().slice(1).vec();
  RunRecord record(seed_of(file));
  record.watch(request);
  const SamplingResult result = make_sampler("ddpm", model)->sample(request, record.noise());
  context.comparison.compare("x_T", result.x_inter.front());
  context.comparison.compare_sampled("out", result.samples);
}

}  // namespace ldm::parity
