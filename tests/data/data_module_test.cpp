#include "ldm/data/data_module.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "ldm/data/datasets/lsun.h"
#include "ldm/dataset_builders.h"
#include "ldm/files/error.h"
#include "ldm/util.h"
#include "tests/data/datasets/dataset_test_util.h"
#include "tests/support/files.h"

namespace ldm::data {
namespace {

using ldm::testing::error_of;
using ldm::testing::new_folder;
using ldm::testing::write_file;
using testing::get;
using ::testing::HasSubstr;
using testing::image_of;
using testing::png_reader;
using ::testing::StartsWith;
using testing::write_pictures;

Registry all_datasets() {
  Registry registry;
  add_datasets(registry, png_reader(),
               [](const at::Tensor& image, std::int64_t, std::int64_t) { return image; });
  return registry;
}

config::Node node_of(const std::string& yaml) {
  return config::Config::from_text(yaml, "x.yaml").root();
}

std::shared_ptr<Dataset> build(const std::string& yaml) {
  return instantiate_from_config<Dataset>(node_of(yaml), all_datasets());
}

std::string error(const std::string& yaml) {
  return error_of<config::ConfigError>([&] { build(yaml); });
}

/// a.png and a.txt in a folder of their own.
std::string captioned() {
  const std::string folder = write_pictures(new_folder(), {"a.png"});
  write_file(folder + "/a.txt", "a caption");
  return folder;
}

std::string module_yaml(const std::string& params) {
  return "target: main.DataModuleFromConfig\nparams:\n  batch_size: 4\n" + params;
}

std::string split(const std::string& name) {
  return "  " + name + ": {target: ldm.data.captions.CaptionFolder, params: {data_root: " + captioned() +
         "}}\n";
}

TEST(DatasetBuilders, CaptionFolderReadsEveryKey) {
  const auto dataset = build("target: ldm.data.captions.CaptionFolder\nparams: {data_root: " + captioned() +
                             ", metadata: null, size: 5, interpolation: linear, flip_p: 0.5, crop: random, "
                             "crop_size: 3}");
  EXPECT_EQ(image_of(get(*dataset, 0)).size(0), 3);
  EXPECT_FALSE(dataset->has_fixed_images());
}

TEST(DatasetBuilders, WrongParamsAreNamedWithFileLineAndKey) {
  const std::string start =
      "target: ldm.data.captions.CaptionFolder\nparams:\n  data_root: " + captioned() + "\n";
  EXPECT_THAT(error(start + "  sise: 5"),
              ::testing::AllOf(StartsWith("x.yaml:4: key 'params.sise'"), HasSubstr("size")));
  EXPECT_THAT(error(start + "  size: large"),
              ::testing::AllOf(StartsWith("x.yaml:4: key 'params.size'"), HasSubstr("got 'large'")));
  EXPECT_THAT(error(start + "  size: 0"),
              ::testing::AllOf(StartsWith("x.yaml:2: key 'params'"), HasSubstr("size")));
  EXPECT_THAT(error(start + "  crop: middle"), HasSubstr("expected crop center or random, got 'middle'"));
  EXPECT_THAT(error(start + "  interpolation: area"), HasSubstr("got 'area'"));
  EXPECT_THAT(error("target: ldm.data.captions.CaptionFolder"), HasSubstr("data_root"));
}

TEST(DatasetBuilders, LsunSubclassesKnowTheirPaths) {
  const auto message = [](const std::string& name) {
    return error_of<files::FileError>([&] { build("target: ldm.data.lsun." + name); });
  };
  EXPECT_THAT(message("LSUNChurchesTrain"), StartsWith("'data/lsun/church_outdoor_train.txt'"));
  EXPECT_THAT(message("LSUNChurchesValidation"), StartsWith("'data/lsun/church_outdoor_val.txt'"));
  EXPECT_THAT(message("LSUNBedroomsTrain"), StartsWith("'data/lsun/bedrooms_train.txt'"));
  EXPECT_THAT(message("LSUNBedroomsValidation"), StartsWith("'data/lsun/bedrooms_val.txt'"));
  EXPECT_THAT(message("LSUNCatsTrain"), StartsWith("'data/lsun/cat_train.txt'"));
  EXPECT_THAT(message("LSUNCatsValidation"), StartsWith("'data/lsun/cat_val.txt'"));
  EXPECT_THAT(error("target: ldm.data.lsun.LSUNBase"), HasSubstr("txt_file"));
}

TEST(DatasetBuilders, OnlyLsunsValidationImagesAreNotMirrored) {
  const std::string list = write_file(new_folder() + "/list.txt", "x.png\n");
  const auto of = [&](const std::string& name) {
    return build("target: ldm.data.lsun." + name + "\nparams: {size: 8, txt_file: " + list + "}");
  };
  EXPECT_FALSE(of("LSUNCatsTrain")->has_fixed_images());
  EXPECT_TRUE(of("LSUNCatsValidation")->has_fixed_images());
  EXPECT_EQ(of("LSUNBedroomsTrain")->name_of(0), "data/lsun/bedrooms/x.png");
}

TEST(DatasetBuilders, ImageNetReadsItsInnerConfig) {
  const std::string root = new_folder();
  write_pictures(root + "/ILSVRC2012_train/data/n01", {"a.JPEG"}, 8, 8);
  const auto with = [&](const std::string& config) {
    return "target: ldm.data.imagenet.ImageNetTrain\nparams:\n  data_root: " + root + "\n  config: " + config;
  };
  EXPECT_EQ(image_of(get(*build(with("{size: 8}")), 0)).size(0), 8);
  EXPECT_FALSE(build(with("{size: 8}"))->has_fixed_images());
  EXPECT_TRUE(build(with("{size: 8, ImageNetTrain: {random_crop: false}}"))->has_fixed_images());
  EXPECT_TRUE(build(with("{size: 8, ImageNetTrain/random_crop: false}"))->has_fixed_images());
  EXPECT_EQ(image_of(get(*build(with("{size: null}")), 0)).size(1), 8) << "as it is";
  EXPECT_THAT(error(with("{sice: 8}")), HasSubstr("x.yaml:4: key 'params.config.sice'"));
  EXPECT_THAT(error(with("{sub_indices: '1-'}")), HasSubstr("expected sub_indices like"));
}

TEST(DatasetBuilders, ImageNetNeedsTheResizeOfOpenCv) {
  Registry registry;
  add_datasets(registry, png_reader());
  EXPECT_THAT(error_of<config::ConfigError>([&] {
                instantiate_from_config<Dataset>(node_of("target: ldm.data.imagenet.ImageNetTrain"),
                                                 registry);
              }),
              HasSubstr("got 'ldm.data.imagenet.ImageNetTrain'"));
  EXPECT_THAT(error("target: ldm.data.imagenet.ImageNetSRTrain"),
              HasSubstr("ldm.data.imagenet.ImageNetTrain,"));
}

TEST(DataModule, HoldsTheDatasetsThatTheConfigHas) {
  const DataModule module = build_data_module(
      node_of(module_yaml("  num_workers: 0\n  wrap: true\n  use_worker_init_fn: true\n  test: null\n"
                          "  shuffle_val_dataloader: true\n" +
                          split("train") + split("validation"))),
      all_datasets());
  ASSERT_TRUE(module.train);
  ASSERT_TRUE(module.validation);
  EXPECT_NE(module.train->name_of(0), module.validation->name_of(0));
  EXPECT_FALSE(module.test);
  EXPECT_FALSE(module.predict);
  EXPECT_EQ(module.batch_size, 4);
  EXPECT_EQ(module.num_workers, 0);
  EXPECT_TRUE(module.shuffle_val_dataloader);
  EXPECT_FALSE(module.shuffle_test_loader);
}

TEST(DataModule, WorkersAreTwiceTheBatchButLeaveACore) {
  const DataModule module = build_data_module(node_of(module_yaml(split("predict"))), all_datasets());
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  EXPECT_EQ(module.num_workers, std::min(8, std::max(cores - 1, 1)));
}

TEST(DataModule, WrongConfigsAreNamedWithFileLineAndKey) {
  const auto message = [](const std::string& yaml) {
    return error_of<config::ConfigError>([&] { build_data_module(node_of(yaml), all_datasets()); });
  };
  EXPECT_THAT(message("target: main.Other\nparams: {}"),
              StartsWith("x.yaml:1: key 'target': expected main.DataModuleFromConfig, got 'main.Other'"));
  EXPECT_THAT(message("target: main.DataModuleFromConfig\nparams: {num_workers: 1}"),
              HasSubstr("batch_size"));
  EXPECT_THAT(message("target: main.DataModuleFromConfig\nparams: {batch_size: 0}"),
              StartsWith("x.yaml:2: key 'params.batch_size': expected at least 1, got 0"));
  EXPECT_THAT(message(module_yaml("  num_workers: -1\n")), HasSubstr("x.yaml:4: key 'params.num_workers'"));
  EXPECT_THAT(message(module_yaml("")),
              HasSubstr("expected a dataset under train, validation, test or predict"));
  EXPECT_THAT(message(module_yaml("  trian: null\n" + split("train"))),
              HasSubstr("x.yaml:4: key 'params.trian'"));
  EXPECT_THAT(message(module_yaml("  train: {target: ldm.data.lsun.None}\n")),
              ::testing::AllOf(StartsWith("x.yaml:4: key 'params.train.target'"), HasSubstr("LSUNBase")));
  EXPECT_THAT(message("batch_size: 4"), HasSubstr("target"));
}

}  // namespace
}  // namespace ldm::data
