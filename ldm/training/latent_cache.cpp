#include "ldm/training/latent_cache.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <stdexcept>
#include <utility>

#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/open_checkpoint.h"
#include "ldm/checkpoint/writer.h"
#include "ldm/data/data_loader.h"
#include "ldm/data/error.h"
#include "ldm/files/error.h"
#include "ldm/modules/state.h"
#include "ldm/training/task.h"
#include "ldm/weights/sha256.h"

namespace ldm::training {
namespace {

constexpr std::int64_t kChunk = 1024;  // items in a tensor of the file
constexpr std::int64_t kBatch = 16;    // items encoded at once; divides kChunk

std::string chunk_name(std::int64_t chunk) {
  return "moments." + std::to_string(chunk);
}

/// What the moments depend on beside the images.
std::string hash_of(FirstStage& first_stage) {
  weights::Sha256 hash;
  for (const StateEntry& entry : state_of(first_stage)) {
    const at::Tensor tensor = entry.tensor.detach().to(at::kCPU).contiguous();
    hash.add(tensor.const_data_ptr(), tensor.nbytes());
  }
  return hash.hex();
}

at::Tensor moments_of(FirstStage& first_stage, const at::Tensor& images) {
  const at::NoGradGuard no_grad;
  const FirstStageEncoding encoding = first_stage.encode(images);
  const auto* posterior = std::get_if<DiagonalGaussianDistribution>(&encoding);
  const at::Tensor moments = posterior == nullptr ? std::get<at::Tensor>(encoding)
                                                  : at::cat({posterior->mean(), posterior->logvar()}, 1);
  return moments.to(at::kCPU, at::kFloat).contiguous();
}

/// Encodes a dataset from its first item to its last.
class Encoder {
 public:
  Encoder(std::shared_ptr<const data::Dataset> dataset, FirstStage& first_stage, c10::Device device,
          std::string image_key, std::int64_t num_workers, const LatentCache::Say& say)
      : size_(dataset->size()),
        first_stage_(first_stage),
        device_(device),
        image_key_(std::move(image_key)),
        say_(say),
        loader_(dataset, data::BatchSampler(size_, kBatch, /*seed=*/0, /*shuffle=*/false), /*seed=*/0,
                num_workers,
                /*prefetch=*/4, say) {
    loader_.start(0, 0);
    ahead_ = next_batch();
  }

  std::vector<std::int64_t> item_sizes() const { return ahead_.sizes().slice(1).vec(); }

  /// The items from `begin` to `end`, which follow those of the call before.
  at::Tensor chunk(std::int64_t begin, std::int64_t end) {
    say_("encoding images " + std::to_string(begin) + " to " + std::to_string(end - 1) + " of " +
         std::to_string(size_));
    std::vector<at::Tensor> parts;
    for (std::int64_t done = begin; done < end; done += parts.back().size(0)) {
      parts.push_back(ahead_.defined() ? std::exchange(ahead_, at::Tensor()) : next_batch());
    }
    return at::cat(parts);
  }

 private:
  at::Tensor next_batch() {
    const data::Batch batch = loader_.next();
    at::Tensor moments =
        moments_of(first_stage_, to_network(batch.tensor(image_key_), device_, /*channels_last=*/false));
    for (std::int64_t row = 0; row < batch.size(); ++row) {
      const std::int64_t expected = batch.index * kBatch + row;
      // Another item stands in for one that cannot be read.
      if (batch.indices[static_cast<std::size_t>(row)] != expected) {
        moments[row].fill_(std::numeric_limits<float>::quiet_NaN());
      }
    }
    return moments;
  }

  std::int64_t size_;
  FirstStage& first_stage_;
  c10::Device device_;
  std::string image_key_;
  const LatentCache::Say& say_;
  data::DataLoader loader_;
  at::Tensor ahead_;
};

using Key = std::map<std::string, std::string>;

[[noreturn]] void refuse_to_replace(const std::string& path) {
  throw files::WriteError("latent_cache: expected a file of latents at '" + path +
                          "' or none, got another file; name a new one");
}

/// What the file says of its making; nothing for one that is damaged, unless its name is that of something
/// else. Throws files::WriteError for whatever is no file of latents.
Key metadata_of(const std::string& path, const LatentCache::Say& say) {
  try {
    Key metadata = checkpoint::open_checkpoint(path).metadata();
    if (metadata.count("images") == 0 || metadata.count("first_stage") == 0) refuse_to_replace(path);
    return metadata;
  } catch (const checkpoint::CheckpointError& error) {
    if (std::filesystem::path(path).extension() != ".safetensors") refuse_to_replace(path);
    say("latents are made anew, since they cannot be read: " + std::string(error.what()));
    return {};
  }
}

bool is_made_from(const std::string& path, const Key& key, const LatentCache::Say& say) {
  if (!std::filesystem::exists(path)) return false;
  const Key metadata = metadata_of(path, say);
  return std::all_of(key.begin(), key.end(), [&](const auto& item) {
    const auto found = metadata.find(item.first);
    return found != metadata.end() && found->second == item.second;
  });
}

void write(const std::string& path, Encoder& encoder, std::int64_t size, const Key& key) {
  std::vector<checkpoint::NamedTensorSource> sources;
  for (std::int64_t begin = 0; begin < size; begin += kChunk) {
    const std::int64_t end = std::min(begin + kChunk, size);
    std::vector<std::int64_t> sizes = encoder.item_sizes();
    sizes.insert(sizes.begin(), end - begin);
    sources.push_back({chunk_name(begin / kChunk), at::kFloat, std::move(sizes),
                       [&encoder, begin, end] { return encoder.chunk(begin, end); }});
  }
  checkpoint::write_safetensors(path, sources, key);
}

}  // namespace

LatentCache::LatentCache(std::shared_ptr<const data::Dataset> dataset, FirstStage& first_stage,
                         c10::Device device, const std::string& path, const std::string& image_key,
                         std::int64_t num_workers, const Say& say)
    : dataset_(std::move(dataset)) {
  if (!dataset_->has_fixed_images()) {
    throw std::invalid_argument(
        "latent_cache: expected images that are the same each time, got random crops or flips; switch them "
        "off "
        "(flip_p: 0, crop: center) or leave latent_cache out");
  }
  const Key key{{"images", dataset_->fingerprint()}, {"first_stage", hash_of(first_stage)}};
  if (is_made_from(path, key, say)) {
    say("latents from " + path);
  } else {
    Encoder encoder(dataset_, first_stage, device, image_key, num_workers, say);
    write(path, encoder, dataset_->size(), key);
    say("wrote the latents of " + std::to_string(dataset_->size()) + " images to " + path);
  }
  const checkpoint::StateDict file = checkpoint::open_checkpoint(path);
  for (std::int64_t chunk = 0; chunk * kChunk < dataset_->size(); ++chunk) {
    chunks_.push_back(file.tensor(chunk_name(chunk)).tensor);
  }
}

data::Example LatentCache::get(std::int64_t index, at::Generator& random) const {
  data::Example example = dataset_->labels(index, random);
  const at::Tensor moments = chunks_.at(static_cast<std::size_t>(index / kChunk))[index % kChunk];
  if (moments.flatten()[0].isnan().item<bool>()) {
    throw data::ImageError(
        "'" + dataset_->name_of(index) +
        "': expected an image, got none when its latent was made; remove it from the data");
  }
  example[kMomentsField] = moments;
  return example;
}

}  // namespace ldm::training
