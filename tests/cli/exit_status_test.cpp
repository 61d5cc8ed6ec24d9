#include "ldm/cli/exit_status.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <new>

#include "ldm/checkpoint/error.h"
#include "ldm/cli/generation_command_line.h"
#include "ldm/cli/train_command_line.h"
#include "ldm/config/config.h"
#include "ldm/pipelines/finite_stages.h"
#include "ldm/pipelines/generation_plan.h"
#include "ldm/pipelines/load_model.h"
#include "ldm/pipelines/picture_folder.h"
#include "ldm/training/error.h"

namespace ldm::cli {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

template <typename Error>
ExitStatus status_of() {
  return explain(Error("text")).status;
}

TEST(ExitStatus, EachKindOfErrorHasItsNumber) {
  EXPECT_EQ(status_of<OptionError>(), ExitStatus::usage);
  EXPECT_EQ(status_of<NotSupported>(), ExitStatus::not_supported);
  EXPECT_EQ(status_of<files::FileError>(), ExitStatus::input);
  EXPECT_EQ(status_of<config::ConfigError>(), ExitStatus::input);
  EXPECT_EQ(status_of<checkpoint::CheckpointError>(), ExitStatus::input);
  EXPECT_EQ(status_of<LoadError>(), ExitStatus::input);
  EXPECT_EQ(status_of<files::WriteError>(), ExitStatus::output);
  EXPECT_EQ(status_of<checkpoint::WriteError>(), ExitStatus::output);
  EXPECT_EQ(status_of<OutputError>(), ExitStatus::output);
  EXPECT_EQ(status_of<TooLarge>(), ExitStatus::memory);
  EXPECT_EQ(status_of<NumericError>(), ExitStatus::numbers);
  EXPECT_EQ(status_of<std::runtime_error>(), ExitStatus::failure);
  EXPECT_EQ(explain(std::bad_alloc()).status, ExitStatus::memory);
}

TEST(ExitStatus, TrainingTellsWhatDoesNotFitFromNumbersThatAreNone) {
  EXPECT_EQ(status_of<training::UnfitError>(), ExitStatus::input);
  EXPECT_EQ(status_of<training::NonFiniteError>(), ExitStatus::numbers);
  EXPECT_EQ(status_of<training::TrainingError>(), ExitStatus::failure);
}

TEST(ExitStatus, TorchsAllocatorRunsOutOfMemory) {
  try {
    at::empty({std::int64_t{1} << 50}, at::kByte);
    FAIL() << "expected an exception";
  } catch (const std::exception& error) {
    const Failure failure = explain(error);
    EXPECT_EQ(failure.status, ExitStatus::memory);
    EXPECT_THAT(failure.message, StartsWith("out of memory: expected room for the run, got: "));
    EXPECT_THAT(failure.message, Not(HasSubstr("frame #")));
    EXPECT_THAT(explain(error, "use less").message, EndsWith("; use less"));
  }
}

TEST(ExitStatus, OutOfMemoryComesWithTheProgramsOwnAdvice) {
  const auto body = []() -> ExitStatus { throw std::bad_alloc(); };
  const auto said = [&](const char* program, const char* advice) {
    ::testing::internal::CaptureStderr();
    EXPECT_EQ(guarded(program, body, advice), 5);
    return ::testing::internal::GetCapturedStderr();
  };
  EXPECT_THAT(said("txt2img", kPictureMemoryAdvice), HasSubstr("lower --n_samples"));
  EXPECT_THAT(said("train", kTrainingMemoryAdvice),
              AllOf(StartsWith("train: error: out of memory"), HasSubstr("batch_size"),
                    HasSubstr("--accumulate_grad_batches"), HasSubstr("use_checkpoint"),
                    HasSubstr("--precision"), Not(HasSubstr("n_samples"))));
  EXPECT_EQ(explain(NumericError("other"), "use less").message, "other");
}

TEST(ExitStatus, GuardedGivesTheNumberOfWhatIsThrown) {
  EXPECT_EQ(guarded("paint", [] { return ExitStatus::interrupted; }), 130);
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(guarded("paint", []() -> ExitStatus { throw OptionError("--x: expected y"); }), 2);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "paint: error: --x: expected y (--help lists the options)\n");
}

}  // namespace
}  // namespace ldm::cli
