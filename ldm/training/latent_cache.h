#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "ldm/checkpoint/state_dict.h"
#include "ldm/data/dataset.h"
#include "ldm/models/autoencoder.h"

namespace ldm::training {

/// The field of an example that stands for its image in the first stage's latent space: the moments of the
/// posterior, float32 [2c, h, w], or the latent itself [c, h, w] where the first stage gives no distribution.
inline constexpr const char* kMomentsField = "latent_moments";

/// A dataset whose images were encoded once: examples have `kMomentsField` in the place of the image, and
/// nothing is decoded or encoded while training. The posterior is still sampled anew each time.
///
/// The moments lie in a .safetensors file, 1024 items in a tensor, mapped; so more of them than fit into the
/// memory are fine. Items whose images cannot be read are NaN there and fail as they do in the dataset
/// itself.
class LatentCache : public data::Dataset {
 public:
  using Say = std::function<void(const std::string& line)>;

  /// Opens the file at `path` if it was made from these images by this first stage, else encodes all of them
  /// and writes it, also over a damaged one. `first_stage` lies on `device` and is in evaluation. Throws
  /// std::invalid_argument for a dataset whose images change from one time to the next (random crops or
  /// flips), files::WriteError for a path at which another file lies, and what reading, encoding and writing
  /// throw.
  LatentCache(std::shared_ptr<const data::Dataset> dataset, FirstStage& first_stage, c10::Device device,
              const std::string& path, const std::string& image_key, std::int64_t num_workers,
              const Say& say);

  std::int64_t size() const override { return dataset_->size(); }
  data::Example get(std::int64_t index, at::Generator& random) const override;
  data::Example labels(std::int64_t index, at::Generator& random) const override {
    return dataset_->labels(index, random);
  }
  std::string name_of(std::int64_t index) const override { return dataset_->name_of(index); }
  bool has_fixed_images() const override { return true; }
  std::string fingerprint() const override { return dataset_->fingerprint(); }

 private:
  std::shared_ptr<const data::Dataset> dataset_;
  std::vector<at::Tensor> chunks_;
};

}  // namespace ldm::training
