#include "ldm/training/trainer_options.h"

#include <gmock/gmock.h>

#include "tests/support/files.h"

namespace ldm::training {
namespace {

using ::testing::HasSubstr;

LightningOptions read(const std::string& yaml, const std::string& monitor = "") {
  return read_lightning(config::Config::from_text(yaml, "run.yaml").root().find("lightning"), monitor);
}

std::string error_of(const std::string& yaml) {
  return ldm::testing::error_of<config::ConfigError>([&] { read(yaml); });
}

TEST(TrainerOptions, DefaultsAreLightningsAndTheReferences) {
  const LightningOptions options = read("model: {}");
  EXPECT_FALSE(options.trainer.max_steps);
  EXPECT_EQ(options.trainer.accumulate_grad_batches, 1);
  EXPECT_EQ(options.trainer.autocast, c10::ScalarType::Float);
  EXPECT_EQ(options.trainer.limit_val_batches.of(7), 7);
  EXPECT_EQ(options.checkpoint.filename, "{epoch:06}");
  EXPECT_EQ(options.checkpoint.save_top_k, 1);
  EXPECT_EQ(read("model: {}", "val/loss").checkpoint.save_top_k, 3);
  EXPECT_EQ(read("model: {}", "val/loss").checkpoint.monitor, "val/loss");
  EXPECT_EQ(options.images.batch_frequency, 750);
  EXPECT_FALSE(options.step_checkpoint);
}

TEST(TrainerOptions, ReadsAReferenceConfig) {
  const LightningOptions options = read(R"(
lightning:
  callbacks:
    image_logger:
      target: main.ImageLogger
      params: {batch_frequency: 5000, max_images: 8, increase_log_steps: False}
    metrics_over_trainsteps_checkpoint:
      params: {every_n_train_steps: 100}
  modelcheckpoint:
    params: {every_n_train_steps: 10, save_top_k: -1, monitor: val/x, mode: max}
  trainer:
    benchmark: True
    max_steps: 300
    accumulate_grad_batches: 2
    max_time: "01:02:03:04"
    limit_val_batches: 0.5
    limit_train_batches: 10
    precision: bf16
    gpus: 0
)");
  EXPECT_EQ(options.images.batch_frequency, 5000);
  EXPECT_FALSE(options.images.increase_log_steps);
  ASSERT_TRUE(options.step_checkpoint);
  EXPECT_EQ(options.step_checkpoint->every_n_train_steps, 100);
  EXPECT_TRUE(options.step_checkpoint->save_weights_only);
  EXPECT_FALSE(options.step_checkpoint->save_last);
  EXPECT_EQ(options.checkpoint.every_n_train_steps, 10);
  EXPECT_TRUE(options.checkpoint.greater_is_better);
  EXPECT_EQ(options.trainer.max_steps, 300);
  EXPECT_EQ(options.trainer.max_seconds, 86400 + 2 * 3600 + 3 * 60 + 4);
  EXPECT_EQ(options.trainer.limit_val_batches.of(9), 4);
  EXPECT_EQ(options.trainer.limit_train_batches.of(9), 9);
  EXPECT_EQ(options.trainer.limit_train_batches.of(90), 10);
  EXPECT_EQ(options.trainer.autocast, c10::ScalarType::BFloat16);
  EXPECT_TRUE(options.trainer.device.is_cpu());
}

TEST(TrainerOptions, DevicesAreLightningsGpus) {
  EXPECT_EQ(read("lightning: {trainer: {gpus: \"0,\"}}").trainer.device, c10::Device(c10::kCUDA, 0));
  EXPECT_EQ(read("lightning: {trainer: {gpus: \"3,\"}}").trainer.device, c10::Device(c10::kCUDA, 3));
  EXPECT_EQ(read("lightning: {trainer: {gpus: 1}}").trainer.device, c10::Device(c10::kCUDA, 0));
  EXPECT_THAT(error_of("lightning: {trainer: {gpus: \"0,1\"}}"), HasSubstr("expected one GPU"));
  EXPECT_THAT(error_of("lightning: {trainer: {gpus: 2}}"), HasSubstr("expected 0 or 1 GPU"));
}

TEST(TrainerOptions, WrongValuesAreToldWithTheirPlace) {
  EXPECT_THAT(error_of("lightning:\n  trainer:\n    max_stepz: 3"), HasSubstr("run.yaml:3"));
  EXPECT_THAT(error_of("lightning:\n  trainer:\n    max_stepz: 3"), HasSubstr("max_steps"));
  EXPECT_THAT(error_of("lightning: {trainer: {precision: 64}}"),
              HasSubstr("expected precision 32, 16 or bf16"));
  EXPECT_THAT(error_of("lightning: {trainer: {precision: 16}}"), HasSubstr("needs a GPU"));
  EXPECT_THAT(error_of("lightning: {trainer: {accumulate_grad_batches: 0}}"), HasSubstr("from 1, got 0"));
  EXPECT_THAT(error_of("lightning: {trainer: {max_time: 12}}"), HasSubstr("expected a text"));
  EXPECT_THAT(error_of("lightning: {trainer: {max_time: \"1:2\"}}"), HasSubstr("DD:HH:MM:SS"));
  EXPECT_THAT(error_of("lightning: {trainer: {limit_val_batches: 1}}"), HasSubstr("expected a share"));
  EXPECT_THAT(error_of("lightning: {modelcheckpoint: {params: {mode: best}}}"), HasSubstr("min or max"));
  EXPECT_THAT(error_of("lightning: {callbacks: {image_logger: {target: main.Other}}}"),
              HasSubstr("expected main.ImageLogger"));
}

}  // namespace
}  // namespace ldm::training
