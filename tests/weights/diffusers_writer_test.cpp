#include "ldm/weights/diffusers_writer.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/open_checkpoint.h"
#include "ldm/weights/open_weights.h"
#include "ldm/weights/sd_keys.h"
#include "tests/support/files.h"
#include "tests/support/restrictions.h"
#include "tests/weights/weights_test_util.h"

namespace ldm::weights {
namespace {

using ldm::testing::error_of;
using ldm::testing::files_in;
using ldm::testing::new_folder;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Tensors;

json read_json(const std::string& path) {
  return json::parse(ldm::testing::read_file(path));
}

class DiffusersWriter : public ::testing::Test {
 protected:
  WrittenFolder write(const Tensors& model, const DiffusersWriterOptions& options = {}) const {
    return write_diffusers_folder(path_, testing::sources_of(model), options);
  }
  std::string error(const Tensors& model) const {
    return error_of<checkpoint::CheckpointError>([&] { write(model); });
  }

  const std::string parent_ = new_folder();
  const std::string path_ = parent_ + "/out";
};

TEST_F(DiffusersWriter, WritesWhatPipelinesExpect) {
  EXPECT_TRUE(write(testing::nano_model()).left_out.empty());
  EXPECT_THAT(files_in(path_), ElementsAre("extra_tensors.safetensors", "model_index.json", "scheduler",
                                           "text_encoder", "tokenizer", "unet", "vae"));
  EXPECT_THAT(files_in(path_ + "/unet"), ElementsAre("config.json", "diffusion_pytorch_model.safetensors"));
  EXPECT_THAT(files_in(path_ + "/vae"), ElementsAre("config.json", "diffusion_pytorch_model.safetensors"));
  EXPECT_THAT(files_in(path_ + "/text_encoder"), ElementsAre("config.json", "model.safetensors"));
  EXPECT_THAT(files_in(path_ + "/scheduler"), ElementsAre("scheduler_config.json"));
  EXPECT_THAT(files_in(path_ + "/tokenizer"),
              ElementsAre("merges.txt", "special_tokens_map.json", "tokenizer_config.json", "vocab.json"));
  EXPECT_EQ(read_json(path_ + "/model_index.json").at("_class_name"), "StableDiffusionPipeline");
  EXPECT_EQ(files_in(parent_), std::vector<std::string>{"out"});
}

TEST_F(DiffusersWriter, ConfigsTellTheSizes) {
  write(testing::nano_model());
  const json unet = read_json(path_ + "/unet/config.json");
  EXPECT_EQ(unet.at("block_out_channels"), json({32, 32, 32, 32}));
  EXPECT_EQ(unet.at("layers_per_block"), 1);
  EXPECT_EQ(unet.at("cross_attention_dim"), 16);
  EXPECT_EQ(unet.at("down_block_types"),
            json({"CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"}));
  EXPECT_EQ(unet.at("up_block_types"),
            json({"UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"}));
  EXPECT_EQ(unet.at("use_linear_projection"), false);
  const json vae = read_json(path_ + "/vae/config.json");
  EXPECT_EQ(vae.at("block_out_channels"), json({32, 32, 32, 32}));
  EXPECT_EQ(vae.at("layers_per_block"), 1);
  EXPECT_EQ(vae.at("latent_channels"), 4);
  const json text = read_json(path_ + "/text_encoder/config.json");
  EXPECT_EQ(text.at("hidden_size"), 16);
  EXPECT_EQ(text.at("num_hidden_layers"), 2);
  EXPECT_EQ(text.at("intermediate_size"), 32);
  EXPECT_EQ(text.at("vocab_size"), 49408);
  EXPECT_EQ(text.at("max_position_embeddings"), 77);
}

TEST_F(DiffusersWriter, HeadsThatShapesDoNotTellAreGiven) {
  DiffusersWriterOptions options;
  options.unet_heads = 2;
  options.text_heads = 4;
  write(testing::nano_model(), options);
  EXPECT_EQ(read_json(path_ + "/unet/config.json").at("attention_head_dim"), 2);
  EXPECT_EQ(read_json(path_ + "/text_encoder/config.json").at("num_attention_heads"), 4);
}

TEST_F(DiffusersWriter, TokenizerFilesHoldClipsVocabulary) {
  write(testing::nano_model());
  const json vocab = read_json(path_ + "/tokenizer/vocab.json");
  EXPECT_EQ(vocab.size(), 49408u);
  EXPECT_EQ(vocab.at("!"), 0);
  EXPECT_EQ(vocab.at("a</w>"), 320);
  EXPECT_EQ(vocab.at("photo</w>"), 1125);
  EXPECT_EQ(vocab.at("cat</w>"), 2368);
  EXPECT_EQ(vocab.at("<|startoftext|>"), 49406);
  EXPECT_EQ(vocab.at("<|endoftext|>"), 49407);
  const std::string merges = ldm::testing::read_file(path_ + "/tokenizer/merges.txt");
  EXPECT_EQ(merges.rfind("#version: 0.2\ni n\nt h\na n\n", 0), 0u);
  EXPECT_EQ(std::count(merges.begin(), merges.end(), '\n'), 48895);
  EXPECT_EQ(read_json(path_ + "/tokenizer/tokenizer_config.json").at("model_max_length"), 77);
  EXPECT_EQ(read_json(path_ + "/tokenizer/special_tokens_map.json").at("pad_token"), "<|endoftext|>");
}

TEST_F(DiffusersWriter, EveryTensorComesBack) {
  const Tensors model = testing::nano_model();
  write(model);
  testing::expect_same(model, open_weights(path_));
}

TEST_F(DiffusersWriter, AveragesAreTheMainFileAndComeBack) {
  Tensors model = testing::nano_model();
  for (const auto& tensor : testing::averages_of(model)) {
    if (tensor.first.rfind("model_ema.diffusion", 0) == 0) model.push_back(tensor);
  }
  write(model);
  EXPECT_THAT(files_in(path_ + "/unet"),
              ElementsAre("config.json", "diffusion_pytorch_model.non_ema.safetensors",
                          "diffusion_pytorch_model.safetensors"));
  const auto state = open_weights(path_);
  testing::expect_same(model, state);
  const auto main = checkpoint::open_checkpoint(path_ + "/unet/diffusion_pytorch_model.safetensors");
  EXPECT_TRUE(at::equal(main.tensor("conv_out.bias").tensor,
                        state.tensor("model_ema.diffusion_modelout2bias").tensor));
}

TEST_F(DiffusersWriter, AveragesAloneAreTheModel) {
  const Tensors all = testing::nano_model();
  Tensors model, expected;
  for (const auto& [name, tensor] : all) {
    expected.emplace_back(name, tensor);
    model.emplace_back(part_of(name) == ModelPart::unet ? ema_name_of(name) : name, tensor);
  }
  write(model);
  testing::expect_same(expected, open_weights(path_));
}

TEST_F(DiffusersWriter, SaysWhatHasNoPlace) {
  Tensors model = testing::nano_model();
  model.emplace_back("first_stage_model.loss.logvar", at::zeros({1}));
  model.emplace_back("callback.state", at::zeros({1}));
  EXPECT_THAT(write(model).left_out, ElementsAre("first_stage_model.loss.logvar", "callback.state"));
}

TEST_F(DiffusersWriter, TellsHowFarItIs) {
  std::uint64_t last = 0, all = 0, calls = 0;
  DiffusersWriterOptions options;
  options.progress = [&](std::uint64_t done, std::uint64_t total, const std::string&) {
    EXPECT_GE(done, last);
    last = done;
    all = total;
    ++calls;
  };
  const Tensors model = testing::nano_model();
  write(model, options);
  std::uint64_t bytes = 0;
  for (const auto& [name, tensor] : model) bytes += tensor.nbytes();
  EXPECT_EQ(all, bytes);
  EXPECT_EQ(last, bytes);
  EXPECT_EQ(calls, model.size() + 1);
}

TEST_F(DiffusersWriter, AnEndInTheMiddleLeavesNothingBehind) {
  DiffusersWriterOptions options;
  int calls = 0;
  options.progress = [&](std::uint64_t, std::uint64_t, const std::string&) {
    if (++calls == 300) throw std::runtime_error("enough");
  };
  EXPECT_THROW(write(testing::nano_model(), options), std::runtime_error);
  EXPECT_EQ(calls, 300);
  EXPECT_TRUE(files_in(parent_).empty());
}

TEST_F(DiffusersWriter, AFullDiskLeavesNothingBehind) {
  const Tensors model = testing::nano_model();
  {
    const ldm::testing::FileSizeLimit limit(100000);
    EXPECT_THAT(error(model), HasSubstr("bytes needed"));
  }
  EXPECT_TRUE(files_in(parent_).empty());
}

TEST_F(DiffusersWriter, ReplacesOnlyAnEmptyFolder) {
  std::filesystem::create_directory(path_);
  write(testing::nano_model());
  EXPECT_THAT(error(testing::nano_model()), HasSubstr("nothing is overwritten"));
  EXPECT_EQ(files_in(parent_), std::vector<std::string>{"out"});
}

TEST_F(DiffusersWriter, RefusesAModelWithoutAllItsParts) {
  Tensors model;
  for (const auto& tensor : testing::nano_model()) {
    if (part_of(tensor.first) != ModelPart::vae) model.push_back(tensor);
  }
  EXPECT_THAT(error(model), HasSubstr("without a VAE"));
  EXPECT_TRUE(files_in(parent_).empty());
}

TEST_F(DiffusersWriter, RefusesAUnetOfAnotherStructure) {
  Tensors model = testing::nano_model();
  model.emplace_back("model.diffusion_model.label_emb.0.0.weight", at::zeros({1}));
  EXPECT_THAT(error(model), HasSubstr("label_emb.0.0.weight"));
  EXPECT_TRUE(files_in(parent_).empty());
}

}  // namespace
}  // namespace ldm::weights
