// The program train, seen from outside: both stages, killed at random and resumed.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

#include "ldm/checkpoint/open_checkpoint.h"
#include "ldm/checkpoint/writer.h"
#include "ldm/data/png.h"
#include "ldm/weights/sd_keys.h"
#include "tests/e2e/programs.h"
#include "tests/support/files.h"
#include "tests/support/paths.h"

namespace ldm::testing {
namespace {

namespace fs = std::filesystem;
using checkpoint::CkptValue;
using checkpoint::Scalar;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

constexpr const char* kData = R"(
data:
  target: main.DataModuleFromConfig
  params:
    batch_size: 4
    num_workers: 1
    train:
      target: ldm.data.captions.CaptionFolder
      params: {data_root: pictures}
)";

constexpr const char* kAutoencoder = R"(
model:
  base_learning_rate: 1.0e-3
  target: ldm.models.autoencoder.AutoencoderKL
  params:
    embed_dim: 2
    lossconfig: {target: ldm.modules.losses.ReconstructionKL}
    ddconfig: {double_z: true, z_channels: 2, resolution: 16, in_channels: 3, out_ch: 3, ch: 8,
      ch_mult: [1, 2], num_res_blocks: 1, attn_resolutions: [], dropout: 0.0, num_groups: 4}
)";

constexpr const char* kDiffusion = R"(
model:
  base_learning_rate: 1.0e-3
  target: ldm.models.diffusion.ddpm.LatentDiffusion
  params:
    linear_start: 0.00085
    linear_end: 0.012
    first_stage_key: image
    cond_stage_key: caption
    cond_stage_trainable: true
    conditioning_key: crossattn
    image_size: 8
    channels: 2
    scale_by_std: true
    ucg_training: {caption: {p: 0.2, val: ""}}
    unet_config:
      target: ldm.modules.diffusionmodules.openaimodel.UNetModel
      params: {image_size: 8, in_channels: 2, out_channels: 2, model_channels: 16, attention_resolutions: [2],
        num_res_blocks: 1, channel_mult: [1, 2], num_heads: 2, use_spatial_transformer: true,
        transformer_depth: 1, context_dim: 16, use_checkpoint: true, legacy: false, num_groups: 4, dropout: 0.1}
    first_stage_config:
      target: ldm.models.autoencoder.AutoencoderKL
      params:
        ckpt_path: vae/first/checkpoints/last.ckpt
        embed_dim: 2
        lossconfig: {target: torch.nn.Identity}
        ddconfig: {double_z: true, z_channels: 2, resolution: 16, in_channels: 3, out_ch: 3, ch: 8,
          ch_mult: [1, 2], num_res_blocks: 1, attn_resolutions: [], dropout: 0.0, num_groups: 4}
    cond_stage_config:
      target: ldm.modules.encoders.modules.FrozenCLIPEmbedder
      params:
        text_config: {hidden_size: 16, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 32}
lightning:
  modelcheckpoint:
    params: {every_n_train_steps: 3}
  callbacks:
    image_logger: {target: main.ImageLogger, params: {disabled: true}}
)";

CkptValue tensor(const std::string& name, const at::Tensor& value) {
  return checkpoint::NamedTensorSource{name, value.scalar_type(), value.sizes().vec(),
                                       [value] { return value; }};
}

/// The tensors of `from`, with other weights of the network and, apart from them, other averages.
CkptValue other_weights(const checkpoint::StateDict& from) {
  CkptValue dict = CkptValue::dict();
  std::uint64_t seed = 0;
  for (const std::string& name : from.names()) {
    at::Tensor value = from.tensor(name).tensor;
    if (name.rfind("model.", 0) == 0 || weights::is_average(name)) {
      value = 0.05 * at::randn(value.sizes(), at::detail::createCPUGenerator(++seed));
    } else if (name == "scale_factor") {
      value = at::full_like(value, 1.25);
    }
    dict.add(name, tensor(name, value));
  }
  return dict;
}

/// optimizer_states of a torch 1.x whose AdamW had one parameter.
CkptValue lightning_optimizer() {
  CkptValue moments = CkptValue::dict();
  moments.add("step", Scalar(std::int64_t{1234}));
  for (const char* name : {"exp_avg", "exp_avg_sq"}) moments.add(name, tensor(name, at::ones({3})));
  CkptValue state = CkptValue::dict();
  state.add(std::int64_t{0}, std::move(moments));
  CkptValue group = CkptValue::dict();
  group.add("lr", Scalar(1e-4)).add("betas", CkptValue::tuple({Scalar(0.9), Scalar(0.999)}));
  group.add("eps", Scalar(1e-8)).add("weight_decay", Scalar(0.01)).add("amsgrad", Scalar(false));
  group.add("initial_lr", Scalar(1e-4)).add("params", CkptValue::list({Scalar(std::int64_t{0})}));
  CkptValue optimizer = CkptValue::dict();
  optimizer.add("state", std::move(state)).add("param_groups", CkptValue::list({std::move(group)}));
  return CkptValue::list({std::move(optimizer)});
}

/// A checkpoint with all that PyTorch Lightning 1.4 puts into one.
void write_lightning_checkpoint(const std::string& path, CkptValue state_dict) {
  CkptValue top = CkptValue::dict();
  top.add("epoch", Scalar(std::int64_t{3})).add("global_step", Scalar(std::int64_t{1234}));
  top.add("pytorch-lightning_version", Scalar(std::string("1.4.2")));
  top.add("state_dict", std::move(state_dict));
  CkptValue best = CkptValue::dict();
  best.add("monitor", Scalar(std::string("val/loss_simple_ema")));
  best.add("best_model_score", tensor("best_model_score", at::scalar_tensor(0.25, at::kFloat)));
  best.add("best_model_path", Scalar(std::string("checkpoints/epoch=000002.ckpt")));
  top.add("callbacks", CkptValue::dict().add("ModelCheckpoint", std::move(best)));
  top.add("optimizer_states", lightning_optimizer());
  CkptValue scheduler = CkptValue::dict();
  scheduler.add("base_lrs", CkptValue::list({Scalar(1e-4)})).add("last_epoch", Scalar(std::int64_t{1234}));
  scheduler.add("_step_count", Scalar(std::int64_t{1235})).add("lr_lambdas", CkptValue::list({CkptValue()}));
  top.add("lr_schedulers", CkptValue::list({std::move(scheduler)}));
  top.add("hparams_name", Scalar(std::string("kwargs")));
  CkptValue hparams = CkptValue::dict();
  hparams.add("linear_start", Scalar(0.00085)).add("ckpt_path", CkptValue());
  top.add("hyper_parameters", std::move(hparams));
  checkpoint::write_ckpt(path, top);
}

/// A folder with data and configs, and a first stage that was trained for a moment.
class TrainProgram : public ::testing::Test {
 protected:
  TrainProgram() {
    fs::create_directories(folder_ + "/pictures");
    for (int i = 0; i < 10; ++i) {
      const std::string name = folder_ + "/pictures/" + std::to_string(i);
      data::write_png(name + ".png",
                      at::randint(0, 256, {16, 16, 3}, at::detail::createCPUGenerator(i), at::kByte));
      write_file(name + ".txt", "picture " + std::to_string(i) + "\na picture\n");
    }
    write_file(folder_ + "/data.yaml", kData);
    write_file(folder_ + "/vae.yaml", kAutoencoder);
    write_file(folder_ + "/ldm.yaml", kDiffusion);
  }

  std::vector<std::string> command(const std::vector<std::string>& arguments) const {
    std::vector<std::string> all{program("train")};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
  }

  /// Runs to the end and gives the run's folder, renamed so that its name holds no time.
  std::string trained(const std::vector<std::string>& arguments, const std::string& logs) {
    const Outcome outcome = run_program(command(arguments), "", folder_);
    EXPECT_EQ(outcome.status, 0) << outcome.error;
    const std::string run = folder_ + "/" + logs + "/first";
    fs::rename(folder_ + "/" + logs + "/" + files_in(folder_ + "/" + logs).front(), run);
    return run;
  }

  void train_first_stage() {
    trained({"-b", "vae.yaml", "data.yaml", "-t", "-l", "vae", "--max_steps", "6", "--no-test"}, "vae");
  }

  std::vector<std::string> diffusion(const std::string& logs, int steps = 60) const {
    return {"-b", "ldm.yaml",    "data.yaml",           "-t",       "-l",
            logs, "--max_steps", std::to_string(steps), "--no-test"};
  }

  /// Names of the tensors that differ between two checkpoints, optimiser states included.
  static std::vector<std::string> differences(const std::string& a, const std::string& b) {
    std::vector<std::string> names;
    for (const auto open : {&checkpoint::open_checkpoint, &checkpoint::open_training_state}) {
      const auto first = open(a, checkpoint::MmapChoice::automatic);
      const auto second = open(b, checkpoint::MmapChoice::automatic);
      EXPECT_EQ(first.names(), second.names());
      for (const std::string& name : first.names()) {
        if (!at::equal(first.tensor(name).tensor, second.tensor(name).tensor)) names.push_back(name);
      }
    }
    return names;
  }

  const std::string folder_ = new_folder();
};

TEST_F(TrainProgram, KilledFiveTimesItEndsWithTheSameBits) {
  train_first_stage();
  const std::string undisturbed = trained(diffusion("quiet"), "quiet");

  std::mt19937 random(static_cast<unsigned>(std::chrono::steady_clock::now().time_since_epoch().count()));
  std::string run;
  for (int kill = 0; kill < 5; ++kill) {
    std::vector<std::string> arguments = diffusion("killed");
    if (!run.empty() && fs::exists(run + "/checkpoints/last.ckpt")) {
      arguments = {"-r", run, "-t", "--no-test"};
    } else {
      fs::remove_all(folder_ + "/killed");  // killed before its first checkpoint
    }
    Process process(command(arguments), folder_);
    ASSERT_TRUE(process.wait_for_error("epoch")) << process.error();
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 700));
    process.send_signal(SIGKILL);
    process.wait();
    run = folder_ + "/killed/" + files_in(folder_ + "/killed").front();
  }
  if (!fs::exists(run + "/checkpoints/last.ckpt")) run = trained(diffusion("killed2"), "killed2");
  const Outcome end = run_program(command({"-r", run, "-t", "--no-test"}), "", folder_);
  ASSERT_EQ(end.status, 0) << end.error;
  EXPECT_THAT(differences(undisturbed + "/checkpoints/last.ckpt", run + "/checkpoints/last.ckpt"),
              ElementsAre());
}

TEST_F(TrainProgram, StopsOnSigtermAfterSaving) {
  train_first_stage();
  Process process(command(diffusion("stopped")), folder_);
  ASSERT_TRUE(process.wait_for_error("epoch")) << process.error();
  process.send_signal(SIGTERM);
  EXPECT_EQ(process.wait(), 130);
  EXPECT_THAT(process.error(), HasSubstr("train --resume"));
  const std::string run = folder_ + "/stopped/" + files_in(folder_ + "/stopped").front();
  EXPECT_TRUE(checkpoint::open_checkpoint(run + "/checkpoints/last.ckpt")
                  .contains("model.diffusion_model.input_blocks.0.0.weight"));
}

TEST_F(TrainProgram, TellsWhatIsWrong) {
  const auto error = [&](const std::vector<std::string>& arguments) {
    const Outcome outcome = run_program(command(arguments), "", folder_);
    EXPECT_NE(outcome.status, 0);
    return outcome.error;
  };
  EXPECT_THAT(error({"-t"}), HasSubstr("--base: expected the paths of configs"));
  EXPECT_THAT(error({"-b", "none.yaml", "-t"}), HasSubstr("none.yaml"));
  EXPECT_THAT(error({"-r", "none", "-t"}), HasSubstr("expected a checkpoint to resume from"));
  // The first stage was never trained.
  EXPECT_THAT(error(diffusion("x")), HasSubstr("vae/first/checkpoints/last.ckpt"));
  EXPECT_THAT(error({"-b", "vae.yaml", "data.yaml", "-t", "data.params.train.params.data_root=nowhere"}),
              HasSubstr("nowhere"));
  EXPECT_THAT(error({"-b", "vae.yaml", "data.yaml", "-t",
                     "model.params.lossconfig={target: ldm.modules.losses.LPIPSWithDiscriminator, params: "
                     "{disc_start: 1}}"}),
              HasSubstr("the discriminator is not available yet"));
  EXPECT_THAT(error({"-b", "vae.yaml", "data.yaml", "-t", "--precision", "16"}), HasSubstr("needs a GPU"));
}

TEST_F(TrainProgram, EndsWithTheStatusThatTheHelpPromises) {
  train_first_stage();
  const auto expect = [&](int status, const char* text, const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"-b", "vae.yaml", "data.yaml", "-t", "--no-test", "--max_steps", "4"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = run_program(command(arguments), "", folder_);
    EXPECT_EQ(outcome.status, status) << outcome.error;
    EXPECT_THAT(outcome.error, HasSubstr(text));
  };
  expect(2, "--nonsense", {"--nonsense"});
  expect(3, "expected shape",
         {"--finetune_from", "vae/first/checkpoints/last.ckpt", "model.params.ddconfig.ch=16"});
  expect(4, "expected a folder to write to", {"-l", "data.yaml"});
  expect(7, "expected a finite loss", {"model.base_learning_rate=1.0e+30"});
}

TEST_F(TrainProgram, ItsCheckpointsHaveLightningsLayout) {
  train_first_stage();
  const auto state = checkpoint::open_training_state(folder_ + "/vae/first/checkpoints/last.ckpt");
  std::vector<std::string> scalars;
  for (const checkpoint::NamedScalar& scalar : state.notes().scalars) scalars.push_back(scalar.name);
  EXPECT_THAT(scalars, IsSupersetOf({"epoch", "global_step", "pytorch-lightning_version",
                                     "optimizer_states.0.param_groups.0.lr", "lr_schedulers.0.last_epoch"}));
  for (const char* moment : {"step", "exp_avg", "exp_avg_sq"}) {
    EXPECT_TRUE(state.contains(std::string("optimizer_states.0.state.0.") + moment)) << moment;
  }
}

TEST_F(TrainProgram, PythonReadsItsCheckpoints) {
  const char* python = std::getenv("LDM_TORCH_PYTHON");
  if (python == nullptr) GTEST_SKIP() << "LDM_TORCH_PYTHON names no Python with torch (tests/README.md)";
  train_first_stage();
  const Outcome outcome = run_program({python, project_path("tests/training/check_checkpoint.py"),
                                       folder_ + "/vae/first/checkpoints/last.ckpt"});
  EXPECT_EQ(outcome.status, 0) << outcome.error;
}

/// A checkpoint of Lightning's to begin from, and what runs make of it that do not move the weights.
class FinetunedFromLightning : public TrainProgram {
 protected:
  FinetunedFromLightning() {
    train_first_stage();
    const std::string run = trained(diffusion("origin", 1), "origin");
    write_lightning_checkpoint(path_,
                               other_weights(checkpoint::open_checkpoint(run + "/checkpoints/last.ckpt")));
  }

  checkpoint::StateDict finetuned(const std::string& logs, int steps,
                                  const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = diffusion(logs, steps);
    for (const char* word : {"--finetune_from", "lightning.ckpt", "model.base_learning_rate=0.0"}) {
      arguments.emplace_back(word);
    }
    arguments.insert(arguments.end(), more.begin(), more.end());
    return checkpoint::open_checkpoint(trained(arguments, logs) + "/checkpoints/last.ckpt");
  }

  const std::string path_ = folder_ + "/lightning.ckpt";
};

TEST_F(FinetunedFromLightning, BeginsWithItsWeightsAndItsAverages) {
  const auto file = checkpoint::open_checkpoint(path_), first = finetuned("begun", 0);
  EXPECT_EQ(first.metadata().at("global_step"), "0");
  ASSERT_EQ(first.names(), file.names());
  for (const std::string& name : file.names()) {
    EXPECT_TRUE(at::equal(first.tensor(name).tensor, file.tensor(name).tensor)) << name;
  }
}

TEST_F(FinetunedFromLightning, BeginsWithItsAveragesWhereAsked) {
  const auto file = checkpoint::open_checkpoint(path_);
  const auto first = finetuned("averaged", 0, {"--finetune_ema", "true"});
  ASSERT_EQ(first.names(), file.names());
  int averages = 0;
  for (const std::string& name : file.names()) {
    const std::string average = weights::ema_name_of(name);
    averages += average.empty() ? 0 : 1;
    const at::Tensor expected = file.tensor(average.empty() ? name : average).tensor;
    EXPECT_TRUE(at::equal(first.tensor(name).tensor, expected)) << name;
  }
  EXPECT_GT(averages, 10);
}

TEST_F(FinetunedFromLightning, TheFirstStepKeepsItsScaleFactor) {
  const auto next = finetuned("stepped", 1);
  EXPECT_EQ(next.metadata().at("global_step"), "1");
  EXPECT_EQ(next.tensor("scale_factor").tensor.item<float>(), 1.25f);
}

}  // namespace
}  // namespace ldm::testing
