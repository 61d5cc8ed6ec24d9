#include "ldm/weights/diffusers_folder.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/writer.h"
#include "tests/support/files.h"
#include "tests/weights/weights_test_util.h"

namespace ldm::weights {
namespace {

using ldm::testing::error_of;
using ldm::testing::new_folder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Tensors;
using ::testing::UnorderedElementsAre;
using testing::write_tensors;

constexpr const char* kUnetKey = "model.diffusion_model.input_blocks.0.0.weight";
constexpr const char* kAverageKey = "model_ema.diffusion_modelinput_blocks00weight";
constexpr const char* kTextKey = "cond_stage_model.transformer.text_model.final_layer_norm.bias";
constexpr const char* kVaeKey = "first_stage_model.encoder.conv_in.bias";

/// A UNet as far as the reader cares, with one number in it.
Tensors unet(double value) {
  return {{"conv_in.weight", at::full({1}, value)},
          {"down_blocks.0.resnets.0.conv1.bias", at::zeros({1})},
          {"up_blocks.0.resnets.0.conv1.bias", at::zeros({1})}};
}

class DiffusersFolder : public ::testing::Test {
 protected:
  /// Writes tensors to a file of the folder, as its ending says.
  void add(const std::string& file, const Tensors& tensors) {
    const std::filesystem::path path = std::filesystem::path(folder_) / file;
    std::filesystem::create_directories(path.parent_path());
    path.extension() == ".bin" ? checkpoint::write_ckpt(path.string(), testing::sources_of(tensors))
                               : checkpoint::write_safetensors(path.string(), testing::sources_of(tensors));
  }
  double value(const std::string& key) const {
    return open_diffusers_folder(folder_).tensor(key).tensor.item<double>();
  }

  const std::string folder_ = new_folder();
};

TEST_F(DiffusersFolder, GivesTheReferencesKeysOfAllThree) {
  add("unet/diffusion_pytorch_model.safetensors", {{"conv_in.weight", at::zeros({1})}});
  add("vae/diffusion_pytorch_model.safetensors", {{"encoder.conv_in.bias", at::zeros({1})}});
  add("text_encoder/model.safetensors", {{"text_model.final_layer_norm.bias", at::zeros({1})}});
  add("safety_checker/model.safetensors", {{"vision_model.x", at::zeros({1})}});
  const auto state = open_diffusers_folder(folder_);
  EXPECT_THAT(state.names(), ElementsAre(kTextKey, kUnetKey, kVaeKey));
  EXPECT_EQ(state.format(), "diffusers folder");
  EXPECT_EQ(state.path(), folder_);
}

TEST_F(DiffusersFolder, PrefersPlainFilesToVariantsAndSafetensorsToPickles) {
  add("unet/diffusion_pytorch_model.fp16.bin", unet(1));
  EXPECT_EQ(value(kUnetKey), 1);
  add("unet/diffusion_pytorch_model.fp16.safetensors", unet(2));
  EXPECT_EQ(value(kUnetKey), 2);
  add("unet/diffusion_pytorch_model.bin", unet(3));
  EXPECT_EQ(value(kUnetKey), 3);
  add("unet/diffusion_pytorch_model.safetensors", unet(4));
  EXPECT_EQ(value(kUnetKey), 4);
}

TEST_F(DiffusersFolder, ReadsTransformersOwnFileNames) {
  add("text_encoder/pytorch_model.bin", {{"final_layer_norm.bias", at::full({1}, 5.0)}});
  EXPECT_EQ(value(kTextKey), 5);
  add("text_encoder/model.fp16.safetensors", {{"text_model.final_layer_norm.bias", at::full({1}, 6.0)}});
  EXPECT_EQ(value(kTextKey), 5);
  add("text_encoder/model.safetensors", {{"text_model.final_layer_norm.bias", at::full({1}, 7.0)}});
  EXPECT_EQ(value(kTextKey), 7);
}

TEST_F(DiffusersFolder, MainFileBesideNonEmaHoldsTheAverages) {
  add("unet/diffusion_pytorch_model.safetensors", unet(1));
  add("unet/diffusion_pytorch_model.non_ema.safetensors", unet(2));
  EXPECT_EQ(value(kUnetKey), 2);
  EXPECT_EQ(value(kAverageKey), 1);
}

TEST_F(DiffusersFolder, NonEmaAloneIsTheModel) {
  add("unet/diffusion_pytorch_model.non_ema.safetensors", unet(2));
  EXPECT_EQ(value(kUnetKey), 2);
  EXPECT_FALSE(open_diffusers_folder(folder_).contains(kAverageKey));
}

TEST_F(DiffusersFolder, UnetEmaHoldsTheAverages) {
  add("unet/diffusion_pytorch_model.safetensors", unet(1));
  add("unet_ema/diffusion_pytorch_model.safetensors", unet(2));
  EXPECT_EQ(value(kUnetKey), 1);
  EXPECT_EQ(value(kAverageKey), 2);
}

TEST_F(DiffusersFolder, OneComponentsFolderOpensToo) {
  add("diffusion_pytorch_model.safetensors", unet(3));
  EXPECT_EQ(value(kUnetKey), 3);
  EXPECT_EQ(open_diffusers_folder(folder_).format(), "diffusers folder");
}

TEST_F(DiffusersFolder, AnotherModelsNetworkKeepsItsNames) {
  add("unet/diffusion_pytorch_model.safetensors",
      {{"conv_in.weight", at::zeros({1})}, {"add_embedding.linear_1.bias", at::zeros({1})}});
  EXPECT_THAT(open_diffusers_folder(folder_).names(),
              UnorderedElementsAre("unet.conv_in.weight", "unet.add_embedding.linear_1.bias"));
}

TEST_F(DiffusersFolder, ADamagedFileIsToldByItsName) {
  std::filesystem::create_directory(folder_ + "/vae");
  ldm::testing::write_file(folder_ + "/vae/diffusion_pytorch_model.safetensors", "version https://git-lfs");
  EXPECT_THAT(error_of<checkpoint::CheckpointError>([&] { open_diffusers_folder(folder_); }),
              HasSubstr("vae/diffusion_pytorch_model.safetensors"));
}

}  // namespace
}  // namespace ldm::weights
