#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ldm/data/dataset.h"
#include "ldm/data/datasets/caption_metadata.h"
#include "ldm/data/image_transform.h"

namespace ldm::data {

/// Images in a folder with their captions: `ldm.data.captions.CaptionFolder`. The reference has no such
/// class (its captions come from LAION's shards, whose dataset it does not publish); this is what people
/// have to fine-tune on.
///
/// Fields: image; caption, one of the image's, drawn anew at every get; file_path_; relative_file_path_.
class CaptionFolder : public Dataset {
 public:
  struct Options {
    std::string data_root;
    std::optional<std::string> metadata;  ///< a file inside data_root; see read_captions for the default
    /// The side that images are brought to, in pixels: a square crop of the whole shorter side is resized to
    /// it. None keeps each image as it is; those of one batch must then agree.
    std::optional<std::int64_t> size;
    Filter interpolation = Filter::bicubic;
    double flip_p = 0.0;  ///< probability of mirroring
    /// Where crops are taken: the square one before resizing, and that of crop_size.
    CropPlace crop = CropPlace::center;
    /// The side of a further square crop out of the (resized) image: small images to train a VAE on.
    std::optional<std::int64_t> crop_size;
  };

  /// Throws std::invalid_argument for options out of range, files::FileError as read_captions.
  CaptionFolder(const Options& options, ImageReader reader);

  std::int64_t size() const override { return static_cast<std::int64_t>(images_.size()); }
  Example get(std::int64_t index, at::Generator& random) const override;
  Example labels(std::int64_t index, at::Generator& random) const override;
  std::string name_of(std::int64_t index) const override;
  bool has_fixed_images() const override;
  std::string fingerprint() const override;

 private:
  const CaptionedImage& item(std::int64_t index) const;
  at::Tensor transform(at::Tensor image, const std::string& path, at::Generator& random) const;

  Options options_;
  ImageReader reader_;
  std::vector<CaptionedImage> images_;
};

}  // namespace ldm::data
