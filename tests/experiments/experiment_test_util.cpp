#include "tests/experiments/experiment_test_util.h"

#include <ATen/ATen.h>

#include <filesystem>

#include "ldm/data/png.h"
#include "tests/support/files.h"
#include "tests/support/paths.h"

namespace ldm::testing {

using namespace experiments;

Experiment read_text(const std::string& yaml, const std::vector<std::string>& overrides) {
  return read_experiment(write_file(new_folder() + "/trial.yaml", yaml), overrides);
}

Plan plan_of(const std::string& yaml, std::int64_t limit) {
  const std::string weights = write_file(new_folder() + "/weights.ckpt", "not looked at");
  const std::string model =
      "model: { config: " + golden_path("tiny-inference.yaml") + ", ckpt: " + weights + " }\n";
  return make_plan(read_text(model + yaml), {2, "cpu"}, limit);
}

Results painted(const Plan& plan, std::int64_t size) {
  Results results;
  results.plan = &plan;
  results.folder = new_folder();
  std::filesystem::create_directory(results.folder + "/images");
  for (std::size_t i = 0; i < plan.cells.size(); ++i) {
    Result result;
    result.cell = i;
    result.record.key = "key" + std::to_string(i);
    result.record.picture = "images/" + result.record.key + ".png";
    result.record.width = result.record.height = size;
    const at::Tensor pixels = at::full({size, size, 3}, static_cast<std::int64_t>(i % 256), at::kByte);
    data::write_png(results.folder + "/" + result.record.picture, pixels);
    results.pictures.push_back(std::move(result));
  }
  return results;
}

}  // namespace ldm::testing
