#include "ldm/weights/diffusers_writer.h"

#include <memory>
#include <utility>

#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/tensor_source.h"
#include "ldm/files/error.h"
#include "ldm/files/new_folder.h"
#include "ldm/files/output_file.h"
#include "ldm/weights/clip_tokenizer_files.h"
#include "ldm/weights/diffusers_configs.h"
#include "ldm/weights/diffusers_layout.h"
#include "ldm/weights/diffusers_parts.h"

namespace ldm::weights {
namespace {

using checkpoint::NamedTensorSource;
using Sources = std::vector<NamedTensorSource>;

constexpr const char* kConfig = "config.json";

std::uint64_t bytes_of(const Sources& sources) {
  std::uint64_t bytes = 0;
  for (const NamedTensorSource& source : sources) bytes += checkpoint::source_bytes(source);
  return bytes;
}

/// The same sources; each tells of itself before it is made.
Sources with_progress(const Sources& sources, const WriteProgress& progress) {
  if (!progress) return sources;
  const auto done = std::make_shared<std::uint64_t>(0);
  const std::uint64_t total = bytes_of(sources);
  Sources telling = sources;
  for (NamedTensorSource& source : telling) {
    const std::uint64_t bytes = checkpoint::source_bytes(source);
    source.make = [=, name = source.name, make = source.make] {
      progress(*done, total, name);
      *done += bytes;
      return make();
    };
  }
  return telling;
}

void write_text(const std::string& folder, const std::string& name, const std::string& text) {
  files::write_new_file(folder + "/" + name, text);
}

void write_tensors(const std::string& folder, const std::string& name, const Sources& sources) {
  // transformers refuses files that do not say which framework wrote them.
  if (!sources.empty()) checkpoint::write_safetensors(folder + "/" + name, sources, {{"format", "pt"}});
}

void write_component(const files::NewFolder& folder, Component component, const Sources& tensors,
                     const std::string& config) {
  const std::string inside = folder.create(folder_of(component));
  write_text(inside, kConfig, config);
  write_tensors(inside, weight_files_of(component, "").safetensors, tensors);
}

void write_unet(const files::NewFolder& folder, const DiffusersParts& parts, std::int64_t heads) {
  const Component unet = Component::unet;
  write_component(folder, unet, parts.unet, unet_config(shapes_of(parts.unet), heads));
  write_tensors(folder.temporary_path() + "/" + folder_of(unet),
                weight_files_of(unet, kTrainedVariant).safetensors, parts.trained_unet);
}

void write_texts(const files::NewFolder& folder, const DiffusersParts& parts) {
  write_text(folder.create("scheduler"), "scheduler_config.json", scheduler_config());
  const std::string tokenizer = folder.create("tokenizer");
  for (const auto& [name, text] : clip_tokenizer_files()) write_text(tokenizer, name, text);
  const std::int64_t channels = shapes_of(parts.unet).at("conv_in.weight").at(1);
  write_text(folder.temporary_path(), "model_index.json", model_index(channels));
}

}  // namespace

WrittenFolder write_diffusers_folder(const std::string& path, const Sources& sources,
                                     const DiffusersWriterOptions& options) {
  try {
    DiffusersParts parts = sort_into_parts(path, with_progress(sources, options.progress));
    files::NewFolder folder(path);
    write_component(folder, Component::text_encoder, parts.text_encoder,
                    text_encoder_config(shapes_of(parts.text_encoder), options.text_heads));
    write_unet(folder, parts, options.unet_heads);
    write_component(folder, Component::vae, parts.vae, vae_config(shapes_of(parts.vae)));
    write_tensors(folder.temporary_path(), kExtraTensors, parts.extra);
    write_texts(folder, parts);
    folder.commit();
    if (options.progress) options.progress(bytes_of(sources), bytes_of(sources), "");
    return {std::move(parts.left_out)};
  } catch (const files::FileError& error) {
    throw checkpoint::CheckpointError(error.what());
  }
}

}  // namespace ldm::weights
