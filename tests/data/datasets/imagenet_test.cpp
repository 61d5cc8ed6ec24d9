#include "ldm/data/datasets/imagenet.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>
#include <stdexcept>

#include "ldm/config/config.h"
#include "ldm/data/image_transform.h"
#include "ldm/data/png.h"
#include "ldm/data/seeds.h"
#include "ldm/files/error.h"
#include "tests/data/data_test_util.h"
#include "tests/data/datasets/dataset_test_util.h"
#include "tests/support/files.h"

namespace ldm::data {
namespace {

using ldm::testing::error_of;
using ldm::testing::new_folder;
using testing::get;
using ::testing::HasSubstr;
using testing::image_of;
using testing::noise_image;
using testing::png_reader;
using testing::text_of;
using testing::write_into;
using testing::write_pictures;

constexpr const char* kList = "ILSVRC2012_validation/filelist.txt";
constexpr const char* kHuman = "ILSVRC2012_validation/synset_human.txt";
constexpr const char* kIndex = "ILSVRC2012_validation/index_synset.yaml";

/// Stands in for OpenCV's resize where only sizes matter: what it is asked for is all that it answers.
at::Tensor grey_of_size(const at::Tensor&, std::int64_t height, std::int64_t width) {
  return at::full({height, width, 3}, 128, at::kByte);
}

/// data_root with both subsets: two files of n02, one of n01, and the one that is left out.
std::string new_root() {
  const std::string root = new_folder();
  for (const std::string name : {"/ILSVRC2012_train", "/ILSVRC2012_validation"}) {
    write_pictures(root + name + "/data",
                   {"n02/b.JPEG", "n02/a.JPEG", "n01/c.JPEG", "n01/n06596364_9591.JPEG", "n01/notes.txt",
                    "n03/deep/d.JPEG", "n03/e.png", "f.JPEG"});
  }
  return root;
}

ImageNetBase::Options options_for(const std::string& root) {
  ImageNetBase::Options options;
  options.data_root = root;
  return options;
}

ImageNetValidation validation(const ImageNetBase::Options& options) {
  return ImageNetValidation(options, png_reader(), grey_of_size);
}

std::string error(const ImageNetBase::Options& options) {
  return error_of<files::FileError>([&] { validation(options); });
}

std::vector<std::string> relpaths_of(const Dataset& dataset) {
  std::vector<std::string> paths;
  for (std::int64_t i = 0; i < dataset.size(); ++i) paths.push_back(text_of(get(dataset, i), "relpath"));
  return paths;
}

std::vector<std::int64_t> labels_of(const Dataset& dataset) {
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    labels.push_back(std::get<std::int64_t>(get(dataset, i).at("class_label")));
  }
  return labels;
}

TEST(ImageNet, WithoutAListTakesWhatTheReferencesGlobFinds) {
  const std::string root = new_root();
  EXPECT_EQ(relpaths_of(validation(options_for(root))),
            (std::vector<std::string>{"n01/c.JPEG", "n02/a.JPEG", "n02/b.JPEG"}));
}

TEST(ImageNet, TheListGivesTheFilesAndTheirOrder) {
  const std::string root = new_root();
  write_into(root, kList, "n02/b.JPEG\nn01/n06596364_9591.JPEG\nn01/c.JPEG\n");
  const ImageNetValidation dataset = validation(options_for(root));
  EXPECT_EQ(relpaths_of(dataset), (std::vector<std::string>{"n02/b.JPEG", "n01/c.JPEG"}));
  EXPECT_EQ(labels_of(dataset), (std::vector<std::int64_t>{1, 0})) << "numbers of the sorted synsets";
  EXPECT_EQ(dataset.name_of(1), root + "/ILSVRC2012_validation/data/n01/c.JPEG");
}

TEST(ImageNet, GivesTheFieldsOfTheReference) {
  const std::string root = new_root();
  EXPECT_EQ(get(validation(options_for(root)), 0).count("human_label"), 0u);
  write_into(root, kHuman, "n01 a fish, tench\nn02\tgoldfish\nn99 unused\n");
  const ImageNetValidation dataset = validation(options_for(root));
  const Example example = get(dataset, 0);
  EXPECT_EQ(example.size(), 6u);
  EXPECT_EQ(text_of(example, "relpath"), "n01/c.JPEG");
  EXPECT_EQ(text_of(example, "file_path_"), dataset.name_of(0));
  EXPECT_EQ(text_of(example, "synsets"), "n01");
  EXPECT_EQ(text_of(example, "human_label"), "a fish, tench");
  EXPECT_EQ(text_of(get(dataset, 1), "human_label"), "goldfish");
  EXPECT_EQ(image_of(example).sizes(), (at::IntArrayRef{256, 256, 3}));
}

TEST(ImageNet, SubIndicesKeepTheirSynsets) {
  const std::string root = new_root();
  write_into(root, kIndex, "0: n01\n7: n02\n8: n03\n");
  ImageNetBase::Options options = options_for(root);
  options.keep_orig_class_label = true;
  EXPECT_EQ(labels_of(validation(options)), (std::vector<std::int64_t>{0, 7, 7}));
  options.sub_indices = "7-9";
  EXPECT_EQ(labels_of(validation(options)), (std::vector<std::int64_t>{7, 7}));
  options.keep_orig_class_label = false;
  EXPECT_EQ(labels_of(validation(options)), (std::vector<std::int64_t>{0, 0}));
  options.sub_indices = "8";
  EXPECT_THAT(error(options), HasSubstr("the synsets that sub_indices names, got none"));
  options.sub_indices = "5";
  EXPECT_THAT(error_of<std::invalid_argument>([&] { validation(options); }),
              HasSubstr("expected sub_indices that index_synset.yaml holds, got 5"));
}

TEST(ImageNet, SubIndicesAreReadAsTamingReadsThem) {
  EXPECT_EQ(parse_sub_indices("32-35, 256"), (std::vector<std::int64_t>{32, 33, 34, 256}));
  EXPECT_EQ(parse_sub_indices("9,3 - 5"), (std::vector<std::int64_t>{3, 4, 9}));
  for (const char* text : {"", "1,", "a", "1-", "-1", "1-2-3", "1.5", "99999999999999999999"}) {
    EXPECT_THROW(parse_sub_indices(text), std::invalid_argument) << text;
  }
}

TEST(ImageNet, TheShorterSideBecomesSizeAndTheOtherIsRoundedToEven) {
  const std::string root = new_folder();
  std::vector<std::pair<std::int64_t, std::int64_t>> asked;
  const auto resize = [&](const at::Tensor& image, std::int64_t height, std::int64_t width) {
    asked.emplace_back(height, width);
    return grey_of_size(image, height, width);
  };
  write_pictures(root + "/ILSVRC2012_validation/data/n01", {"a.JPEG"}, 8, 9);   // 9 * 0.5 = 4.5
  write_pictures(root + "/ILSVRC2012_validation/data/n01", {"b.JPEG"}, 11, 8);  // 11 * 0.5 = 5.5
  write_pictures(root + "/ILSVRC2012_validation/data/n01", {"c.JPEG"}, 4, 10);  // has the size
  ImageNetBase::Options options = options_for(root);
  options.size = 4;
  const ImageNetValidation dataset(options, png_reader(), resize);
  for (std::int64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(image_of(get(dataset, i)).sizes(), (at::IntArrayRef{4, 4, 3})) << i;
  }
  EXPECT_EQ(asked, (std::vector<std::pair<std::int64_t, std::int64_t>>{{4, 4}, {6, 4}}));
}

TEST(ImageNet, TrainingCropsAtRandomAsAlbumentationsDoes) {
  const std::string root = new_folder();
  write_pictures(root + "/ILSVRC2012_train/data/n01", {"a.JPEG"}, 4, 9);
  ImageNetBase::Options options = options_for(root);
  options.size = 4;
  const ImageNetTrain dataset(options, png_reader(), grey_of_size);
  EXPECT_FALSE(dataset.has_fixed_images());
  const at::Tensor whole = to_model_range(noise_image(4, 9));
  std::set<std::int64_t> places;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    at::Generator random = make_generator(seed);
    draw_uniform(random);  // of the rows
    const auto left = static_cast<std::int64_t>(5 * draw_uniform(random));
    EXPECT_TRUE(at::equal(image_of(get(dataset, 0, seed)), whole.slice(1, left, left + 4))) << seed;
    places.insert(left);
  }
  EXPECT_EQ(places, (std::set<std::int64_t>{0, 1, 2, 3, 4})) << "never the last one, 5";
}

TEST(ImageNet, RandomCropIsAnOption) {
  const std::string root = new_root();
  ImageNetBase::Options options = options_for(root);
  EXPECT_TRUE(validation(options).has_fixed_images());
  const std::string fixed = validation(options).fingerprint();
  options.random_crop = true;
  EXPECT_FALSE(validation(options).has_fixed_images());
  EXPECT_NE(validation(options).fingerprint(), fixed);
  options.random_crop = false;
  EXPECT_TRUE(ImageNetTrain(options, png_reader(), grey_of_size).has_fixed_images());
}

TEST(ImageNet, ImagesMayStayWholeOrOut) {
  ImageNetBase::Options options = options_for(new_root());
  options.size.reset();
  const ImageNetTrain whole(options, png_reader(), grey_of_size);
  EXPECT_TRUE(whole.has_fixed_images());
  EXPECT_TRUE(at::equal(image_of(get(whole, 0)), to_model_range(noise_image(6, 8))));
  options.process_images = false;
  EXPECT_EQ(get(ImageNetTrain(options, png_reader(), grey_of_size), 0).count("image"), 0u);
}

TEST(ImageNet, SaysWhatToPutWhere) {
  ImageNetBase::Options options = options_for(new_folder());
  EXPECT_THAT(error(options),
              ::testing::AllOf(HasSubstr("/ILSVRC2012_validation': expected ImageNet's images in "
                                         "data/SYNSET/FILE.JPEG"),
                               HasSubstr("nothing is downloaded")));
  const std::string root = new_root();
  options = options_for(root);
  write_into(root, kList, "n02/b.JPEG\na line without a folder\n");
  EXPECT_THAT(error(options), HasSubstr("filelist.txt:2: expected SYNSET/FILE.JPEG, got 'a line without"));
  write_into(root, kList, "n01/n06596364_9591.JPEG\n");
  EXPECT_THAT(error(options), HasSubstr("filelist.txt': expected images of ImageNet, got none"));
}

TEST(ImageNet, SaysWhatTheFilesBesideLack) {
  const std::string root = new_root();
  ImageNetBase::Options options = options_for(root);
  write_into(root, kHuman, "n01 a fish\nn02\n");
  EXPECT_THAT(error(options), HasSubstr("synset_human.txt:2: expected a synset and its names, got 'n02'"));
  write_into(root, kHuman, "n01 a fish\n");
  EXPECT_THAT(error(options), HasSubstr("in synset_human.txt, got none for n02"));
  write_into(root, kHuman, "n01 a fish\nn02 another\n");
  options.keep_orig_class_label = true;
  EXPECT_THAT(error(options), HasSubstr("index_synset.yaml': expected the synset of each index"));
  write_into(root, kIndex, "0: n01\n");
  EXPECT_THAT(error(options), HasSubstr("in index_synset.yaml, got none for n02"));
  write_into(root, kIndex, "zero: n01\n");
  EXPECT_THAT(error_of<config::ConfigError>([&] { validation(options); }),
              HasSubstr("index_synset.yaml:1: key 'zero': expected an index as the key, got 'zero'"));
}

TEST(ImageNet, WithoutADataRootLooksInTheCacheFolder) {
  const char* before = std::getenv("XDG_CACHE_HOME");
  const std::string kept = before == nullptr ? "" : before, cache = new_folder();
  ::setenv("XDG_CACHE_HOME", cache.c_str(), 1);
  EXPECT_THAT(error({}), HasSubstr("'" + cache + "/autoencoders/data/ILSVRC2012_validation'"));
  before == nullptr ? ::unsetenv("XDG_CACHE_HOME") : ::setenv("XDG_CACHE_HOME", kept.c_str(), 1);
}

}  // namespace
}  // namespace ldm::data
