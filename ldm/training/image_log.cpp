#include "ldm/training/image_log.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdio>

#include "ldm/data/image_tensor.h"
#include "ldm/data/png.h"
#include "ldm/files/output_file.h"
#include "ldm/files/output_folder.h"

namespace ldm::training {
namespace {

constexpr std::int64_t kImagesInARow = 4;
constexpr std::uint8_t kGrey = 127;

/// [B, C, H, W] -> the grid as 8-bit RGB. A model that has gone astray gives NaN: those pixels are black.
at::Tensor grid_of(const at::Tensor& images, const ImageLogOptions& options) {
  at::Tensor shown = images.slice(0, 0, options.max_images).to(at::kCPU, at::kFloat).nan_to_num(-1, 1, -1);
  if (shown.size(1) == 1) shown = shown.expand({-1, 3, -1, -1});
  if (options.clamp) shown = shown.clamp(-1, 1);
  if (!options.rescale) shown = shown * 2 - 1;  // to_image_u8 takes [-1, 1]
  // ImageLogger makes its grid before it rescales, so that the border's zeros become grey.
  return data::make_grid(data::to_image_u8(shown), kImagesInARow, options.rescale ? kGrey : 0);
}

}  // namespace

bool logs_images_at(const ImageLogOptions& options, std::int64_t count) {
  if (options.disabled || options.max_images == 0) return false;
  if (count == 0) return options.log_first_step;
  const bool power_of_two = (count & (count - 1)) == 0;
  return count % options.batch_frequency == 0 ||
         (options.increase_log_steps && power_of_two && count <= options.batch_frequency);
}

void write_logged_images(const std::string& folder, const std::string& split, const LoggedImages& images,
                         const std::vector<std::string>& captions, const ImageLogOptions& options,
                         const Progress& progress, std::int64_t batch_index) {
  char ending[80];
  std::snprintf(ending, sizeof ending, "_gs-%06lld_e-%06lld_b-%06lld",
                static_cast<long long>(progress.global_step), static_cast<long long>(progress.epoch),
                static_cast<long long>(batch_index));
  const std::string begin = folder + "/" + split + "/";
  files::create_output_folder(folder + "/" + split);
  for (const auto& [name, tensor] : images) {
    if (tensor.size(1) != 1 && tensor.size(1) != 3) continue;  // a segmentation has no colours of its own
    files::replace_file(begin + name + ending + ".png", data::encode_png(grid_of(tensor, options)));
  }
  std::string lines;
  const std::size_t shown = static_cast<std::size_t>(std::min(options.max_images, options.N));
  for (std::size_t i = 0; i < std::min(shown, captions.size()); ++i) lines += captions[i] + '\n';
  if (!lines.empty()) files::replace_file(begin + "conditioning" + ending + ".txt", lines);
}

}  // namespace ldm::training
