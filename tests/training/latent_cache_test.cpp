#include "ldm/training/latent_cache.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <atomic>
#include <stdexcept>

#include "ldm/checkpoint/writer.h"
#include "ldm/data/datasets/caption_folder.h"
#include "ldm/data/error.h"
#include "ldm/data/item_reader.h"
#include "ldm/data/png.h"
#include "ldm/files/error.h"
#include "tests/support/files.h"

namespace ldm::training {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

/// A first stage of one convolution: images [B, 3, 8, 8] to latents [B, 2, 4, 4] with a deviation.
class SmallStage : public FirstStage {
 public:
  explicit SmallStage(std::uint64_t seed) {
    Conv2dOptions options{3, 4, 2};
    options.stride = 2;
    conv_ = register_module("conv", Conv2d(options));
    conv_->init(at::detail::createCPUGenerator(seed));
  }
  FirstStageEncoding encode(const at::Tensor& x) override {
    encoded += x.size(0);
    return DiagonalGaussianDistribution(conv_(x));
  }
  at::Tensor decode(const at::Tensor&) override { throw std::logic_error("nothing is decoded here"); }

  std::int64_t encoded = 0;  ///< images so far

 private:
  Conv2d conv_{nullptr};
};

/// `count` images of noise with a caption each. `bad` cannot be read.
class Pictures : public data::Dataset {
 public:
  explicit Pictures(std::int64_t count, std::int64_t bad = -1) : count_(count), bad_(bad) {}

  std::int64_t size() const override { return count_; }
  data::Example get(std::int64_t index, at::Generator& random) const override {
    ++reads;
    if (index == bad_) throw data::ImageError("'" + name_of(index) + "': expected an image, got none");
    data::Example example = labels(index, random);
    example["image"] = image(index);
    return example;
  }
  data::Example labels(std::int64_t index, at::Generator&) const override {
    return {{"caption", "caption " + std::to_string(index)}};
  }
  std::string name_of(std::int64_t index) const override { return "item " + std::to_string(index); }
  bool has_fixed_images() const override { return true; }
  std::string fingerprint() const override { return state; }

  /// [8, 8, 3], as a dataset gives it.
  static at::Tensor image(std::int64_t index) {
    return at::rand({8, 8, 3}, at::detail::createCPUGenerator(static_cast<std::uint64_t>(index))) * 2 - 1;
  }

  std::string state = "as it was";
  mutable std::atomic<int> reads{0};  ///< of images

 private:
  std::int64_t count_, bad_;
};

/// What the cache should hold for an image.
at::Tensor encoded(FirstStage& stage, std::int64_t index) {
  const FirstStageEncoding encoding = stage.encode(Pictures::image(index).permute({2, 0, 1}).unsqueeze(0));
  const auto& posterior = std::get<DiagonalGaussianDistribution>(encoding);
  return at::cat({posterior.mean(), posterior.logvar()}, 1)[0];
}

data::Example example_of(const data::Dataset& dataset, std::int64_t index) {
  at::Generator random = at::detail::createCPUGenerator(0);
  return dataset.get(index, random);
}

at::Tensor moments_of(const data::Dataset& dataset, std::int64_t index) {
  return std::get<at::Tensor>(example_of(dataset, index).at(kMomentsField));
}

class LatentCacheTest : public ::testing::Test {
 protected:
  std::shared_ptr<LatentCache> open(std::shared_ptr<const data::Dataset> dataset, FirstStage& stage) {
    return std::make_shared<LatentCache>(std::move(dataset), stage, c10::kCPU, path_, "image",
                                         /*num_workers=*/0,
                                         [this](const std::string& line) { said_.push_back(line); });
  }

  const std::string path_ = ldm::testing::new_folder() + "/latents.safetensors";
  const std::shared_ptr<Pictures> pictures_ = std::make_shared<Pictures>(20);
  const std::shared_ptr<SmallStage> stage_ = std::make_shared<SmallStage>(1);
  std::vector<std::string> said_;
};

TEST_F(LatentCacheTest, HoldsWhatEncodingEachImageGives) {
  const auto cache = open(pictures_, *stage_);
  EXPECT_EQ(stage_->encoded, 20);
  ASSERT_EQ(cache->size(), 20);
  for (const std::int64_t index : {0, 15, 16, 19}) {  // the ends of the two batches
    const data::Example example = example_of(*cache, index);
    EXPECT_EQ(example.count("image"), 0u);
    EXPECT_EQ(std::get<std::string>(example.at("caption")), "caption " + std::to_string(index));
    const at::Tensor moments = std::get<at::Tensor>(example.at(kMomentsField));
    ASSERT_EQ(moments.sizes().vec(), (std::vector<std::int64_t>{4, 4, 4}));
    EXPECT_TRUE(at::allclose(moments, encoded(*stage_, index), 1e-5, 1e-6)) << index;
  }
  EXPECT_EQ(cache->name_of(3), "item 3");
}

TEST_F(LatentCacheTest, AFirstStageWithoutADistributionGivesTheLatentItself) {
  IdentityFirstStage identity;
  const auto cache = open(pictures_, *identity);
  EXPECT_TRUE(at::equal(moments_of(*cache, 7), Pictures::image(7).permute({2, 0, 1})));
}

TEST_F(LatentCacheTest, TheSecondOpeningReadsNoImage) {
  const at::Tensor first = moments_of(*open(pictures_, *stage_), 4);
  ASSERT_EQ(pictures_->reads.load(), 20);
  said_.clear();
  const auto again = open(pictures_, *stage_);
  EXPECT_TRUE(at::equal(moments_of(*again, 4), first));
  EXPECT_EQ(pictures_->reads.load(), 20);
  EXPECT_EQ(stage_->encoded, 20);
  EXPECT_THAT(said_, ::testing::ElementsAre("latents from " + path_));
}

TEST_F(LatentCacheTest, AnotherFirstStageMakesItAnew) {
  open(pictures_, *stage_);
  SmallStage other(2);
  const auto cache = open(pictures_, other);
  EXPECT_EQ(other.encoded, 20);
  EXPECT_TRUE(at::allclose(moments_of(*cache, 4), encoded(other, 4), 1e-5, 1e-6));
  EXPECT_FALSE(at::allclose(moments_of(*cache, 4), encoded(*stage_, 4), 1e-5, 1e-6));
}

TEST_F(LatentCacheTest, ADamagedFileIsMadeAnew) {
  open(pictures_, *stage_);
  ldm::testing::write_file(path_, ldm::testing::read_file(path_).substr(0, 100));
  const auto cache = open(pictures_, *stage_);
  EXPECT_EQ(stage_->encoded, 40);
  EXPECT_TRUE(at::allclose(moments_of(*cache, 4), encoded(*stage_, 4), 1e-5, 1e-6));
  EXPECT_THAT(said_, Contains(HasSubstr("latents are made anew, since they cannot be read: ")));
}

TEST_F(LatentCacheTest, OtherFilesAreNotReplaced) {
  const std::string folder = ldm::testing::new_folder();
  const std::string photo = ldm::testing::write_file(folder + "/photo.jpg", "not latents");
  const std::string weights = folder + "/weights.safetensors";
  checkpoint::write_safetensors(weights, {});
  for (const std::string& path : {photo, weights}) {
    const std::string before = ldm::testing::read_file(path);
    const auto message = ldm::testing::error_of<files::WriteError>([&] {
      LatentCache(pictures_, *stage_, c10::kCPU, path, "image", /*num_workers=*/0, [](const std::string&) {});
    });
    EXPECT_THAT(message, HasSubstr("expected a file of latents at '" + path + "' or none"));
    EXPECT_EQ(ldm::testing::read_file(path), before);
  }
}

TEST_F(LatentCacheTest, ImagesThatMayHaveChangedMakeItAnew) {
  open(pictures_, *stage_);
  pictures_->state = "one was replaced";
  open(pictures_, *stage_);
  EXPECT_EQ(pictures_->reads.load(), 40);
  EXPECT_EQ(stage_->encoded, 40);
}

TEST_F(LatentCacheTest, AnUnreadableImageIsToldOfAndPassedOver) {
  for (const std::int64_t bad : {5, 19}) {  // the image after the last one is the first
    said_.clear();
    const auto pictures = std::make_shared<Pictures>(20, bad);
    pictures->state = "bad " + std::to_string(bad);
    const auto cache = open(pictures, *stage_);
    const std::string name = "'item " + std::to_string(bad) + "'";
    EXPECT_THAT(said_, Contains(HasSubstr(name)));
    EXPECT_THAT(ldm::testing::error_of<data::ImageError>([&] { example_of(*cache, bad); }),
                HasSubstr(name + ": expected an image"));
    EXPECT_TRUE(at::allclose(moments_of(*cache, bad - 1), encoded(*stage_, bad - 1), 1e-5, 1e-6));

    const data::ItemReader reader(cache, data::BatchSampler(20, 4, /*seed=*/0, /*shuffle=*/false), 0);
    const data::ReadItem item = reader.read(/*epoch=*/0, bad);
    EXPECT_EQ(item.index, (bad + 1) % 20);
    ASSERT_EQ(item.passed_over.size(), 1u);
    EXPECT_EQ(item.passed_over.front().name, "item " + std::to_string(bad));
  }
}

TEST_F(LatentCacheTest, RandomFlipsAreRefused) {
  data::CaptionFolder::Options options;
  options.data_root = ldm::testing::new_folder();
  data::write_png(options.data_root + "/a.png", at::zeros({8, 8, 3}, at::kByte));
  ldm::testing::write_file(options.data_root + "/a.txt", "black\n");
  const data::ImageReader read = [](const std::string& path) { return data::read_png(path).pixels; };
  open(std::make_shared<data::CaptionFolder>(options, read), *stage_);  // without flips it may be
  options.flip_p = 0.5;
  const auto flipped = std::make_shared<data::CaptionFolder>(options, read);
  EXPECT_THAT(ldm::testing::error_of<std::invalid_argument>([&] { open(flipped, *stage_); }),
              HasSubstr("expected images that are the same each time, got random crops or flips"));
}

}  // namespace
}  // namespace ldm::training
