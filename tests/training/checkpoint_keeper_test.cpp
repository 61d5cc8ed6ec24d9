#include "ldm/training/checkpoint_keeper.h"

#include <gmock/gmock.h>

#include "tests/support/files.h"

namespace ldm::training {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(CheckpointName, IsLightnings) {
  EXPECT_EQ(checkpoint_name("{epoch:06}", 4, 9, {}), "epoch=000004");
  EXPECT_EQ(checkpoint_name("{epoch:06}-{step:09}", 4, 1250, {}), "epoch=000004-step=000001250");
  EXPECT_EQ(checkpoint_name("a-{val/loss:.3f}-b", 0, 0, {{"val/loss", 0.12345}}), "a-val_loss=0.123-b");
  EXPECT_EQ(checkpoint_name("plain", 0, 0, {}), "plain");
  EXPECT_THROW(checkpoint_name("{val/loss}", 0, 0, {}), std::invalid_argument);
}

/// A keeper whose checkpoints are empty files.
class CheckpointKeeperTest : public ::testing::Test {
 protected:
  CheckpointKeeper make(const CheckpointOptions& options) {
    return CheckpointKeeper(
        options, folder_, progress_.kept,
        [this](const std::string& path, bool) {
          ldm::testing::write_file(path, "");
          ++written_;
        },
        [this](const std::string& text) { warnings_.push_back(text); });
  }
  std::vector<std::string> files() const { return ldm::testing::files_in(folder_); }

  const std::string folder_ = ldm::testing::new_folder();
  Progress progress_;
  int written_ = 0;
  std::vector<std::string> warnings_;
};

TEST_F(CheckpointKeeperTest, KeepsTheBestByAMonitoredValue) {
  CheckpointOptions options;
  options.monitor = "val/loss";
  options.save_top_k = 2;
  CheckpointKeeper keeper = make(options);
  const double losses[] = {0.5, 0.7, 0.4, 0.9, 0.3};
  for (int epoch = 0; epoch < 5; ++epoch)
    keeper.on_epoch_end(progress_, epoch, {{"val/loss", losses[epoch]}});
  EXPECT_THAT(files(), ElementsAre("epoch=000002.ckpt", "epoch=000004.ckpt", "last.ckpt"));
  EXPECT_EQ(written_, 4 + 5);  // the one of epoch 3 was never written
}

TEST_F(CheckpointKeeperTest, GreaterIsBetterWithModeMax) {
  CheckpointOptions options;
  options.monitor = "score";
  options.greater_is_better = true;
  options.save_last = false;
  CheckpointKeeper keeper = make(options);
  for (int epoch = 0; epoch < 3; ++epoch)
    keeper.on_epoch_end(progress_, epoch, {{"score", epoch == 1 ? 2 : 1}});
  EXPECT_THAT(files(), ElementsAre("epoch=000001.ckpt"));
}

TEST_F(CheckpointKeeperTest, WithoutAMonitorTheNewestStays) {
  CheckpointKeeper keeper = make({});
  for (int epoch = 0; epoch < 3; ++epoch) {
    progress_.global_step += 10;
    keeper.on_epoch_end(progress_, epoch, {});
  }
  EXPECT_THAT(files(), ElementsAre("epoch=000002.ckpt", "last.ckpt"));
}

TEST_F(CheckpointKeeperTest, EveryNStepsInPlaceOfEpochs) {
  CheckpointOptions options;
  options.every_n_train_steps = 4;
  options.save_top_k = -1;
  options.save_last = false;
  options.filename = "{step}";
  CheckpointKeeper keeper = make(options);
  for (progress_.global_step = 1; progress_.global_step <= 9; ++progress_.global_step) {
    keeper.on_step(progress_, {});
    keeper.on_epoch_end(progress_, 0, {});
  }
  EXPECT_THAT(files(), ElementsAre("step=4.ckpt", "step=8.ckpt"));
}

TEST_F(CheckpointKeeperTest, AMonitoredValueThatIsNotThereIsToldOnce) {
  CheckpointOptions options;
  options.monitor = "val/loss";
  CheckpointKeeper keeper = make(options);
  keeper.on_epoch_end(progress_, 0, {});
  keeper.on_epoch_end(progress_, 1, {});
  ASSERT_EQ(warnings_.size(), 1u);
  EXPECT_THAT(warnings_.front(), HasSubstr("'val/loss'"));
  EXPECT_THAT(files(), ElementsAre("last.ckpt"));
}

TEST_F(CheckpointKeeperTest, ANameInUseGetsAVersion) {
  CheckpointOptions options;
  options.save_top_k = -1;
  options.save_last = false;
  CheckpointKeeper keeper = make(options);
  keeper.on_epoch_end(progress_, 3, {});
  keeper.on_epoch_end(progress_, 3, {});
  EXPECT_THAT(files(), ElementsAre("epoch=000003-v1.ckpt", "epoch=000003.ckpt"));
}

}  // namespace
}  // namespace ldm::training
