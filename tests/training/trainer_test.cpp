#include "ldm/training/trainer.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <filesystem>

#include "ldm/checkpoint/open_checkpoint.h"
#include "ldm/training/error.h"
#include "ldm/training/random_state.h"
#include "tests/support/files.h"
#include "tests/training/toy_task.h"

namespace ldm::training {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::ToyDataset;
using testing::ToyObserver;
using testing::ToyTask;

/// Runs a toy to its end and gives its weight.
at::Tensor trained(ToyTask& task, const TrainerSetup& setup, data::DataModule data, ToyObserver& observer) {
  seed_everything(setup.seed, c10::kCPU);
  Trainer(task, std::move(data), setup, observer).fit();
  return task.weight();
}

at::Tensor trained(const TrainerSetup& setup, data::DataModule data = testing::toy_data()) {
  ToyTask task;
  ToyObserver observer;
  return trained(task, setup, std::move(data), observer);
}

TEST(Trainer, LearnsItsTask) {
  TrainerSetup setup = testing::toy_setup(ldm::testing::new_folder(), 400);
  setup.optimizer.weight_decay = 0;
  ToyTask task;
  ToyObserver observer;
  trained(task, setup, testing::toy_data(), observer);
  ASSERT_EQ(observer.reports.size(), 400u);
  EXPECT_LT(observer.reports.back().loss, 0.01 * observer.reports.front().loss);
  EXPECT_EQ(observer.reports.back().global_step, 400);
  EXPECT_EQ(observer.reports.back().max_steps, 400);
  EXPECT_EQ(task.prepared, 1);
}

TEST(Trainer, ARunStoppedAnywhereAndResumedGivesTheSameBits) {
  const at::Tensor expected = trained(testing::toy_setup(ldm::testing::new_folder(), 17));
  for (const int stop : {1, 2, 3, 5, 12, 16}) {  // an epoch has 3 batches
    TrainerSetup setup = testing::toy_setup(ldm::testing::new_folder(), 17);
    ToyTask first;
    ToyObserver stopping;
    stopping.stop_at = stop;
    seed_everything(setup.seed, c10::kCPU);
    EXPECT_EQ(Trainer(first, testing::toy_data(), setup, stopping).fit(), TrainingEnd::stopped);
    EXPECT_FALSE(at::equal(first.weight(), expected)) << stop;

    setup.folder.resume_from = setup.folder.last_checkpoint();
    ToyTask second;
    ToyObserver observer;
    resume_weights(setup.folder.resume_from, second.module());
    seed_everything(99, c10::kCPU);  // the checkpoint's state takes its place
    EXPECT_EQ(Trainer(second, testing::toy_data(), setup, observer).fit(), TrainingEnd::finished);
    EXPECT_TRUE(at::equal(second.weight(), expected)) << "stopped after step " << stop;
    EXPECT_EQ(second.prepared, 0);
  }
}

TEST(Trainer, AccumulatedBatchesMakeOneStep) {
  const auto weight_after = [](std::int64_t batch_size, std::int64_t accumulate) {
    TrainerSetup setup = testing::toy_setup(ldm::testing::new_folder(), 3);
    setup.options.trainer.accumulate_grad_batches = accumulate;
    ToyTask task;
    task.noise = 0;
    ToyObserver observer;
    return trained(task, setup, testing::toy_data(12, batch_size), observer).clone();
  };
  EXPECT_TRUE(at::allclose(weight_after(2, 3), weight_after(6, 1), 1e-6, 1e-7));
  EXPECT_FALSE(at::allclose(weight_after(2, 1), weight_after(6, 1), 1e-6, 1e-7));
}

TEST(Trainer, TheEndOfAnEpochMakesAStepOfWhatThereIs) {
  TrainerSetup setup = testing::toy_setup(ldm::testing::new_folder(), 0);
  setup.options.trainer.max_steps.reset();
  setup.options.trainer.max_epochs = 2;
  setup.options.trainer.accumulate_grad_batches = 2;
  ToyTask task;
  ToyObserver observer;
  trained(task, setup, testing::toy_data(10, 4), observer);
  EXPECT_THAT(task.batch_sizes, ElementsAre(4, 4, 2, 4, 4, 2));
  EXPECT_EQ(observer.reports.back().global_step, 4);
}

TEST(Trainer, GradientsAreClippedByTheirNorm) {
  const auto change = [](double clip) {
    TrainerSetup setup = testing::toy_setup(ldm::testing::new_folder(), 1);
    setup.options.trainer.gradient_clip_val = clip;
    setup.optimizer.eps = 1;  // so that the size of a gradient tells in Adam's step
    setup.optimizer.weight_decay = 0;
    ToyTask task;
    const at::Tensor before = task.weight().clone();
    ToyObserver observer;
    return (trained(task, setup, testing::toy_data(), observer) - before).norm().item<double>();
  };
  const double full = change(0), clipped = change(1e-3);
  EXPECT_LT(clipped, 0.1 * full);
  EXPECT_GT(clipped, 0);
}

TEST(Trainer, ANaNLossStopsAndLeavesTheLastCheckpoint) {
  TrainerSetup setup = testing::toy_setup(ldm::testing::new_folder(), 50);
  ToyTask task;
  task.nan_from = 8;
  ToyObserver observer;
  observer.checkpoint_at = 5;
  seed_everything(setup.seed, c10::kCPU);
  const std::string error = ldm::testing::error_of<NonFiniteError>(
      [&] { Trainer(task, testing::toy_data(), setup, observer).fit(); });
  EXPECT_THAT(error, HasSubstr("expected a finite loss, got nan"));
  EXPECT_THAT(error, HasSubstr("step 8"));
  const auto last = checkpoint::open_checkpoint(setup.folder.last_checkpoint());
  EXPECT_EQ(last.metadata().at("global_step"), "6");  // the end of the second epoch, by then
  EXPECT_TRUE(last.tensor("linear.weight").tensor.isfinite().all().item<bool>());
}

TEST(Trainer, UnreadableItemsAreReportedAndPassedOver) {
  data::DataModule data = testing::toy_data();
  data.train = std::make_shared<ToyDataset>(10, /*bad=*/3);
  TrainerSetup setup = testing::toy_setup(ldm::testing::new_folder(), 9);
  ToyTask task;
  ToyObserver observer;
  trained(task, setup, data, observer);
  ASSERT_EQ(observer.warnings.size(), 1u);
  EXPECT_THAT(observer.warnings.front(), HasSubstr("item 3"));
}

TEST(Trainer, ValidationChangesNothingInTheTraining) {
  data::DataModule data = testing::toy_data();
  const TrainerSetup plain = testing::toy_setup(ldm::testing::new_folder(), 9);
  const at::Tensor expected = trained(plain, data);
  data.validation = std::make_shared<ToyDataset>(5);
  const TrainerSetup setup = testing::toy_setup(ldm::testing::new_folder(), 9);
  EXPECT_TRUE(at::equal(trained(setup, data), expected));
  const std::string curve = ldm::testing::read_file(setup.folder.path + "/val.csv");
  EXPECT_THAT(curve, HasSubstr("step,epoch,val/loss\n3,0,"));
  EXPECT_THAT(curve, HasSubstr("\n9,2,"));
}

TEST(Trainer, ImagesAreLoggedAtPowersOfTwoAndMultiples) {
  TrainerSetup setup = testing::toy_setup(ldm::testing::new_folder(), 9);
  setup.options.images.disabled = false;
  setup.options.images.batch_frequency = 4;
  trained(setup);
  EXPECT_THAT(
      ldm::testing::files_in(setup.folder.images() + "/train"),
      ElementsAre("inputs_gs-000001_e-000000_b-000000.png", "inputs_gs-000002_e-000000_b-000001.png",
                  "inputs_gs-000004_e-000001_b-000000.png", "inputs_gs-000008_e-000002_b-000001.png"));
}

TEST(Trainer, EndsWhenItsTimeIsUp) {
  TrainerSetup setup = testing::toy_setup(ldm::testing::new_folder(), 0);
  setup.options.trainer.max_steps.reset();
  setup.options.trainer.max_seconds = 0;
  ToyTask task;
  ToyObserver observer;
  trained(task, setup, testing::toy_data(), observer);
  EXPECT_TRUE(observer.reports.empty());
  EXPECT_TRUE(fs::exists(setup.folder.last_checkpoint()));
}

TEST(Trainer, TheCurveOfAResumedRunHasEachStepOnce) {
  TrainerSetup setup = testing::toy_setup(ldm::testing::new_folder(), 6);
  trained(setup);
  // A row beyond the checkpoint, as a run that was killed leaves it.
  std::ofstream(setup.folder.path + "/train.csv", std::ios::app) << "7,2,0.5,0.1,9\n";
  setup.folder.resume_from = setup.folder.last_checkpoint();
  setup.options.trainer.max_steps = 8;
  ToyTask task;
  resume_weights(setup.folder.resume_from, task.module());
  ToyObserver observer;
  Trainer(task, testing::toy_data(), setup, observer).fit();
  std::istringstream rows(ldm::testing::read_file(setup.folder.path + "/train.csv"));
  std::vector<std::string> steps;
  for (std::string row; std::getline(rows, row);) steps.push_back(row.substr(0, row.find(',')));
  EXPECT_THAT(steps, ElementsAre("step", "1", "2", "3", "4", "5", "6", "7", "8"));
}

}  // namespace
}  // namespace ldm::training
