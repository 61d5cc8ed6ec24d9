#include "ldm/pipelines/generation.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <limits>

#include "ldm/checkpoint/open_checkpoint.h"
#include "ldm/checkpoint/writer.h"
#include "ldm/data/resize.h"
#include "ldm/modules/state.h"
#include "tests/pipelines/pipeline_test_util.h"
#include "tests/support/memory.h"
#include "tests/support/paths.h"

namespace ldm {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::MemorySink;
using testing::nearly_equal;
using testing::run_tiny;
using ::testing::SizeIs;
using testing::small_options;

class GoldenRun : public ::testing::TestWithParam<const char*> {};

TEST_P(GoldenRun, GivesTheReferencesPictures) {
  const parity::CaseFile file(testing::golden_path(GetParam()));
  at::Tensor image;
  if (file.kind() == "img2img") image = data::image_to_tensor(file.tensor("resized_u8"));
  const MemorySink sink = run_tiny(testing::options_of(file), image);
  EXPECT_TRUE(nearly_equal(at::stack(sink.images), file.tensor("image_u8")));
  ASSERT_THAT(sink.grids, SizeIs(1));
  if (file.has_tensor("grid_u8")) {
    EXPECT_TRUE(nearly_equal(sink.grids[0], file.tensor("grid_u8")));
  } else if (sink.images.size() == 1) {
    EXPECT_TRUE(at::equal(sink.grids[0], sink.images[0]));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Tiny, GoldenRun,
    ::testing::Values("tiny_noema_ddim64.safetensors", "tiny_noema_ddim64_grid.safetensors",
                      "tiny_noema_ddim64_scale1.safetensors", "tiny_noema_ddim64_oddsteps.safetensors",
                      "tiny_noema_ddim_big_eta.safetensors", "tiny_noema_plms64_fixedcode.safetensors",
                      "tiny_noema_plms64_grid.safetensors", "tiny_noema_dpm64.safetensors",
                      "tiny_img2img_noema.safetensors", "tiny_img2img_noema_eta.safetensors"));

/// A file with prompts, whose name it gives.
std::string prompt_file(const std::string& text) {
  const std::string path = testing::temp_dir() + "/prompts.txt";
  std::ofstream(path) << text;
  return path;
}

TEST(Generation, TheLastBatchOfAFileMayBeShort) {
  GenerationOptions options = small_options();
  options.from_file = prompt_file("a fox\n\na crow\na hare\n");
  options.n_samples = 2;
  options.n_iter = 2;
  const MemorySink sink = run_tiny(options);
  std::vector<std::string> prompts;
  std::vector<std::int64_t> sizes, indices;
  for (const PictureInfo& info : sink.infos) {
    prompts.push_back(info.prompt);
    sizes.push_back(info.batch_size);
    indices.push_back(info.index);
  }
  EXPECT_THAT(prompts, ElementsAre("a fox", "a crow", "a hare", "a fox", "a crow", "a hare"));
  EXPECT_THAT(sizes, ElementsAre(2, 2, 1, 2, 2, 1));
  EXPECT_THAT(indices, ElementsAre(0, 1, 2, 3, 4, 5));
  ASSERT_THAT(sink.grids, SizeIs(1));
  EXPECT_EQ(sink.grids[0].size(0), 3 * 66 + 2);
}

TEST(Generation, AShortFileDrawsNoiseForItsOwnRowsOnly) {
  GenerationOptions options = small_options();
  const MemorySink one = run_tiny(options);
  options.from_file = prompt_file("a fox\n");
  options.n_samples = 3;
  const MemorySink from_file = run_tiny(options);
  ASSERT_THAT(from_file.images, SizeIs(1));
  EXPECT_TRUE(at::equal(from_file.images[0], one.images[0]));
}

TEST(Generation, PerImageSeedsGiveThePicturesOfSingleRuns) {
  GenerationOptions options = small_options();
  options.per_image_seeds = true;
  options.ddim_eta = 0.6;
  options.n_samples = options.n_iter = 2;
  const MemorySink batch = run_tiny(options);
  ASSERT_THAT(batch.images, SizeIs(4));
  options.per_image_seeds = false;
  options.n_samples = options.n_iter = 1;
  for (const at::Tensor& image : batch.images) {
    EXPECT_TRUE(nearly_equal(image, run_tiny(options).images[0])) << "seed " << options.seed;
    ++options.seed;
  }
  EXPECT_FALSE(nearly_equal(batch.images[0], batch.images[1]));
}

TEST(Generation, PerImageSeedsHoldForImg2img) {
  GenerationOptions options = small_options();
  options.kind = GenerationKind::img2img;
  options.per_image_seeds = true;
  options.ddim_eta = 0.6;
  options.n_samples = options.n_iter = 2;
  const at::Tensor image = at::linspace(-1, 1, 3 * 64 * 64).reshape({1, 3, 64, 64});
  const MemorySink batch = run_tiny(options, image);
  options.seed += 3;
  options.n_samples = options.n_iter = 1;
  EXPECT_TRUE(nearly_equal(batch.images[3], run_tiny(options, image).images[0]));
}

TEST(Generation, EqualOptionsGiveEqualPictures) {
  EXPECT_TRUE(at::equal(run_tiny(small_options()).images[0], run_tiny(small_options()).images[0]));
}

TEST(Generation, ABatchInPartsIsTheSameBatch) {
  GenerationOptions options = small_options();
  options.n_samples = 3;
  options.ddim_eta = 0.6;
  const MemorySink whole = run_tiny(options);
  GenerationPlan plan = make_plan(options, testing::tiny_target());
  plan.rows_per_call = 4;  // of 6: a whole part and a shorter one
  FiniteStages stages = testing::tiny_stages();
  MemorySink parts;
  GenerationObserver observer;
  generate(stages, options, plan, {}, parts, observer);
  EXPECT_TRUE(nearly_equal(at::stack(parts.images), at::stack(whole.images)));
}

TEST(Generation, ANegativePromptChangesThePicture) {
  GenerationOptions options = small_options();
  const MemorySink plain = run_tiny(options);
  options.negative_prompt = "blurry";
  EXPECT_FALSE(nearly_equal(run_tiny(options).images[0], plain.images[0]));
}

TEST(Generation, AnySideThatIsAMultipleOfEight) {
  GenerationOptions options = small_options();
  options.H = 72;
  options.W = 104;
  EXPECT_EQ(run_tiny(options).images[0].sizes(), (std::vector<std::int64_t>{72, 104, 3}));
}

TEST(Generation, StrengthAtItsEnds) {
  GenerationOptions options = small_options();
  options.kind = GenerationKind::img2img;
  const at::Tensor image = at::zeros({1, 3, 64, 64});
  options.strength = 0;
  const MemorySink kept = run_tiny(options, image);
  options.strength = 1;
  const MemorySink lost = run_tiny(options, image);
  EXPECT_FALSE(nearly_equal(kept.images[0], lost.images[0]));
}

TEST(Generation, SkippedOutputsAreSkipped) {
  GenerationOptions options = small_options();
  options.skip_grid = true;
  EXPECT_THAT(run_tiny(options).grids, IsEmpty());
  options.skip_grid = false;
  options.skip_save = true;
  const MemorySink sink = run_tiny(options);
  EXPECT_THAT(sink.images, IsEmpty());
  EXPECT_THAT(sink.grids, SizeIs(1));
}

TEST(Generation, RowsOfTheGrid) {
  GenerationOptions options = small_options();
  options.n_samples = 3;
  options.ddim_steps = 1;
  EXPECT_EQ(run_tiny(options).grids[0].sizes(), (std::vector<std::int64_t>{68, 200, 3}));
  options.n_rows = 1;
  EXPECT_EQ(run_tiny(options).grids[0].sizes(), (std::vector<std::int64_t>{200, 68, 3}));
}

TEST(Generation, PreviewsComeEveryNSteps) {
  GenerationOptions options = small_options();
  options.ddim_steps = 8;
  options.preview = 3;
  options.n_samples = 2;
  const MemorySink sink = run_tiny(options);
  ASSERT_THAT(sink.previews, SizeIs(2));
  EXPECT_EQ(sink.previews[0].sizes(), (std::vector<std::int64_t>{12, 22, 3}));
}

/// Ends a run where it is told to.
class Stopper : public GenerationObserver {
 public:
  bool progress(const GenerationProgress& progress) override {
    last = progress;
    return progress.done != abort_at;
  }
  bool wants_to_stop() override { return batches_allowed-- == 0; }
  void truncated(const std::string& prompt, const std::string& unseen) override {
    seen.push_back(prompt.substr(0, 10));
    cut.push_back(unseen);
  }

  std::int64_t abort_at = -1, batches_allowed = 1000;
  GenerationProgress last;
  std::vector<std::string> seen, cut;
};

GenerationResult run_watched(const GenerationOptions& options, MemorySink& sink, Stopper& stopper) {
  FiniteStages stages = testing::tiny_stages();
  return generate(stages, options, make_plan(options, testing::tiny_target()), {}, sink, stopper);
}

TEST(Generation, StoppingKeepsWhatIsDone) {
  GenerationOptions options = small_options();
  options.n_iter = 3;
  options.n_samples = 2;
  MemorySink sink;
  Stopper stopper;
  stopper.batches_allowed = 2;
  const GenerationResult result = run_watched(options, sink, stopper);
  EXPECT_FALSE(result.complete);
  EXPECT_EQ(result.images, 4);
  EXPECT_THAT(sink.images, SizeIs(4));
  EXPECT_THAT(sink.grids, SizeIs(1));
}

TEST(Generation, AbortingThrowsTheBatchAway) {
  GenerationOptions options = small_options();
  options.n_iter = 2;
  MemorySink sink;
  Stopper stopper;
  stopper.abort_at = 4;  // the second batch's first step
  const GenerationResult result = run_watched(options, sink, stopper);
  EXPECT_FALSE(result.complete);
  EXPECT_EQ(result.images, 1);
  EXPECT_THAT(sink.images, SizeIs(1));
}

TEST(Generation, ProgressCountsAllSteps) {
  GenerationOptions options = small_options();
  options.n_iter = 2;
  options.ddim_steps = 7;
  MemorySink sink;
  Stopper stopper;
  EXPECT_TRUE(run_watched(options, sink, stopper).complete);
  EXPECT_EQ(stopper.last.batch, 1);
  EXPECT_EQ(stopper.last.batches, 2);
  EXPECT_EQ(stopper.last.step, stopper.last.steps);
  EXPECT_EQ(stopper.last.done, stopper.last.total);
  EXPECT_EQ(stopper.last.steps, 8);  // seven steps asked for are eight: 1000 // 7
}

TEST(Generation, StepZeroComesWhenAllIsEncoded) {
  GenerationOptions options = small_options();
  options.kind = GenerationKind::img2img;
  const at::Tensor unusable = at::full({1, 3, 64, 64}, std::numeric_limits<float>::quiet_NaN());
  FiniteStages stages = testing::tiny_stages();
  MemorySink sink;
  Stopper stopper;
  const GenerationPlan plan = make_plan(options, testing::tiny_target(), {64, 64});
  EXPECT_THROW(generate(stages, options, plan, unusable, sink, stopper), NumericError);
  EXPECT_EQ(stopper.last.steps, 0) << "reported before the picture's encoding, which fails";
}

/// Notes what is mapped from files at step 0.
struct MappedMemory : GenerationObserver {
  std::int64_t bytes = -1;
  bool progress(const GenerationProgress& progress) override {
    if (progress.step == 0) bytes = testing::process_memory("RssFile");
    return true;
  }
};

TEST(Generation, TheTextEncodersMappedWeightsLeaveMemoryOnceAllIsEncoded) {
  const GenerationOptions options = small_options();
  const MemorySink expected = run_tiny(options);
  const std::vector<StateEntry> parameters = parameters_of(*testing::tiny_model()->cond_stage_model());
  const auto largest =
      std::max_element(parameters.begin(), parameters.end(),
                       [](const auto& a, const auto& b) { return a.tensor.nbytes() < b.tensor.nbytes(); });
  const std::string path = testing::temp_dir() + "/text_encoder.safetensors";
  const at::Tensor own = largest->tensor.detach();
  checkpoint::write_safetensors(path, {{"w", own.scalar_type(), own.sizes().vec(), [&] { return own; }}});
  const at::Tensor mapped = checkpoint::open_checkpoint(path, checkpoint::MmapChoice::on).tensor("w").tensor;
  ASSERT_TRUE(at::equal(mapped, own));  // every page is there now
  largest->bind(mapped);
  const std::int64_t before = testing::process_memory("RssFile");
  FiniteStages stages = testing::tiny_stages();
  MemorySink sink;
  MappedMemory memory;
  generate(stages, options, make_plan(options, testing::tiny_target(), {}), {}, sink, memory);
  largest->bind(own);
  EXPECT_LT(memory.bytes, before - static_cast<std::int64_t>(own.nbytes()) / 2);
  EXPECT_TRUE(at::equal(sink.images[0], expected.images[0]));
}

TEST(Generation, TellsOfEachTruncatedTextOnce) {
  GenerationOptions options = small_options();
  options.ddim_steps = 1;
  options.n_iter = options.n_samples = 2;
  for (int i = 0; i < 80; ++i) options.prompt += " fox";
  options.negative_prompt = std::string(200, '1');
  MemorySink sink;
  Stopper stopper;
  run_watched(options, sink, stopper);
  EXPECT_THAT(stopper.seen, ElementsAre("1111111111", "a fox fox "));
  EXPECT_EQ(stopper.cut[1], "fox fox fox fox fox fox fox");  // 82 tokens, 75 fit
}

}  // namespace
}  // namespace ldm
