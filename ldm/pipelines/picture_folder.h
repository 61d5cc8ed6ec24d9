#pragma once

#include <functional>
#include <optional>
#include <string>

#include "ldm/data/generation_parameters.h"
#include "ldm/data/sample_folder.h"
#include "ldm/files/error.h"
#include "ldm/pipelines/generation.h"

namespace ldm {

/// The output folder cannot be written to as asked.
class OutputError : public files::WriteError {
 public:
  using files::WriteError::WriteError;
};

/// Where a run's pictures go: OUTDIR/samples/00000.png and up, OUTDIR/grid-0000.png and up, and previews to
/// OUTDIR/previews/00000.png and up. Nothing is overwritten, and each file appears only when it is whole. The
/// PNGs carry what made them.
class PictureFolder : public PictureSink {
 public:
  /// Called with the path of each file that is done.
  using Written = std::function<void(const std::string& path)>;

  /// Creates the folders and makes sure that they can be written to. Throws OutputError.
  PictureFolder(const GenerationOptions& options, Written written);

  /// What all pictures of the run share, to be written into them; prompt, seed and place are added to each.
  void set_parameters(data::GenerationParameters parameters) { parameters_ = std::move(parameters); }

  /// These throw OutputError.
  void picture(const at::Tensor& image_u8, const PictureInfo& info) override;
  void grid(const at::Tensor& image_u8) override;
  void preview(const at::Tensor& image_u8) override;

 private:
  void write(files::NumberedFiles& to, const at::Tensor& image_u8, const std::vector<data::PngText>& text);

  Written written_;
  std::optional<data::SampleFolder> folder_;
  std::optional<files::NumberedFiles> previews_;
  data::GenerationParameters parameters_;
};

/// The parameters that a run's pictures share. `ema`: whether the weights are averages.
data::GenerationParameters shared_parameters(const GenerationOptions& options, const GenerationPlan& plan,
                                             c10::Device device, bool ema);

}  // namespace ldm
