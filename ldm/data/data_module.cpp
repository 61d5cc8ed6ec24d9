#include "ldm/data/data_module.h"

#include <algorithm>
#include <string>
#include <thread>

#include "ldm/config/params.h"
#include "ldm/util.h"

namespace ldm::data {
namespace {

constexpr const char* kTarget = "main.DataModuleFromConfig";

std::int64_t default_workers(std::int64_t batch_size) {
  const auto cores = static_cast<std::int64_t>(std::thread::hardware_concurrency());
  return std::clamp<std::int64_t>(batch_size * 2, 1, std::max<std::int64_t>(cores - 1, 1));
}

void expect(const config::Node& params, const std::string& key, std::int64_t value, std::int64_t least) {
  if (value >= least) return;
  params.at(key).fail("expected at least " + std::to_string(least) + ", got " + std::to_string(value));
}

std::shared_ptr<const Dataset> build_split(config::Params& params, const std::string& split,
                                           const Registry& registry) {
  const config::Node node = params.optional_node(split);
  return node.defined() ? instantiate_from_config<Dataset>(node, registry) : nullptr;
}

}  // namespace

DataModule build_data_module(const config::Node& data, const Registry& registry) {
  const std::string target = data.at("target").as_text();
  if (target != kTarget) {
    data.at("target").fail("expected " + std::string(kTarget) + ", got '" + target + "'");
  }
  ldm::detail::check_target_keys(data);
  const config::Node node = data.at("params");
  config::Params params(node, target);
  DataModule module;
  module.batch_size = params.integer("batch_size");
  expect(node, "batch_size", module.batch_size, 1);
  const auto num_workers = params.optional_integer("num_workers");
  if (num_workers) expect(node, "num_workers", *num_workers, 0);
  module.num_workers = num_workers.value_or(default_workers(module.batch_size));
  module.shuffle_test_loader = params.boolean("shuffle_test_loader", false);
  module.shuffle_val_dataloader = params.boolean("shuffle_val_dataloader", false);
  params.known({"wrap", "use_worker_init_fn"});
  module.train = build_split(params, "train", registry);
  module.validation = build_split(params, "validation", registry);
  module.test = build_split(params, "test", registry);
  module.predict = build_split(params, "predict", registry);
  params.finish();
  if (!module.train && !module.validation && !module.test && !module.predict) {
    node.fail("expected a dataset under train, validation, test or predict, got none");
  }
  return module;
}

}  // namespace ldm::data
