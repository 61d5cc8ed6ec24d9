// The programs, started as a user does, make the reference's pictures.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/programs.h"
#include "tests/support/paths.h"
#include "tests/support/pictures.h"

namespace ldm::testing {
namespace {

class GoldenPictures : public ::testing::TestWithParam<const char*> {};

TEST_P(GoldenPictures, AreMadeByTheProgram) {
  const parity::CaseFile file(golden_path(GetParam()));
  std::vector<std::string> arguments = arguments_of(file);
  arguments.insert(arguments.end(), {"--outdir", temp_dir() + "/" + GetParam()});
  const Outcome outcome = run_program(on_tiny(file.kind(), arguments));
  ASSERT_EQ(outcome.status, 0) << outcome.error;
  std::vector<std::string> paths = lines(outcome.output);
  const at::Tensor expected = file.tensor("image_u8");
  ASSERT_EQ(static_cast<std::int64_t>(paths.size()), expected.size(0) + 1) << "pictures and a grid";
  const std::string grid = paths.back();
  paths.pop_back();
  EXPECT_TRUE(nearly_equal(pixels(paths), expected));
  if (file.has_tensor("grid_u8")) {
    EXPECT_TRUE(nearly_equal(pixels(grid), file.tensor("grid_u8")));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Tiny, GoldenPictures,
    ::testing::Values("tiny_noema_ddim64.safetensors", "tiny_noema_ddim64_grid.safetensors",
                      "tiny_noema_ddim64_scale1.safetensors", "tiny_noema_ddim64_oddsteps.safetensors",
                      "tiny_noema_ddim_big_eta.safetensors", "tiny_noema_plms64.safetensors",
                      "tiny_noema_plms64_fixedcode.safetensors", "tiny_noema_plms64_grid.safetensors",
                      "tiny_noema_plms_big.safetensors", "tiny_noema_dpm64.safetensors",
                      "tiny_img2img_noema.safetensors", "tiny_img2img_noema_eta.safetensors"),
    [](const auto& file) {
      const std::string name = file.param;
      return name.substr(0, name.find('.'));
    });

}  // namespace
}  // namespace ldm::testing
