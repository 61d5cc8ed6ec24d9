#include "ldm/training/training_state.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <utility>

#include "ldm/checkpoint/open_checkpoint.h"
#include "ldm/modules/state.h"
#include "ldm/training/error.h"

namespace ldm::training {
namespace {

using checkpoint::CkptValue;
using checkpoint::NamedScalar;
using checkpoint::Scalar;
using checkpoint::StateDict;

constexpr const char* kLightningVersion = "1.4.2";  // the reference's, whose layout this is

CkptValue tensor(const std::string& name, const at::Tensor& value) {
  return checkpoint::NamedTensorSource{name, value.scalar_type(), value.sizes().vec(),
                                       [value] { return value; }};
}

CkptValue state_dict(torch::nn::Module& module) {
  CkptValue dict = CkptValue::dict();
  for (const StateEntry& entry : state_of(module)) dict.add(entry.name, tensor(entry.name, entry.tensor));
  return dict;
}

CkptValue callbacks(const Progress& progress) {
  CkptValue kept = CkptValue::dict();
  for (const KeptCheckpoint& checkpoint : progress.kept) kept.add(checkpoint.file, Scalar(checkpoint.value));
  CkptValue model_checkpoint = CkptValue::dict();
  model_checkpoint.add("best_k_models", std::move(kept));
  return CkptValue::dict().add("ModelCheckpoint", std::move(model_checkpoint));
}

CkptValue rng_states(c10::Device device) {
  const RandomState state = RandomState::of(device);
  CkptValue dict = CkptValue::dict();
  dict.add("torch", tensor("rng_states.torch", state.cpu));
  if (state.device.defined()) {
    dict.add("torch.cuda", CkptValue::list({tensor("rng_states.torch.cuda", state.device)}));
  }
  return dict;
}

void add_training_state(CkptValue& top, const RunState& run) {
  top.add("optimizer_states",
          CkptValue::list({run.optimizer.state_dict(run.learning_rate, run.base_learning_rate)}));
  CkptValue scheduler = CkptValue::dict();
  scheduler.add("base_lrs", CkptValue::list({Scalar(run.base_learning_rate)}));
  scheduler.add("last_epoch", Scalar(run.progress.global_step));
  scheduler.add("_step_count", Scalar(run.progress.global_step + 1));
  scheduler.add("_last_lr", CkptValue::list({Scalar(run.learning_rate)}));
  top.add("lr_schedulers", CkptValue::list({std::move(scheduler)}));
  if (run.scaler != nullptr) top.add("native_amp_scaling_state", run.scaler->state_dict());
  top.add("rng_states", rng_states(run.device));
  CkptValue position = CkptValue::dict();
  position.add("epoch", Scalar(run.progress.epoch)).add("batch", Scalar(run.progress.batch));
  position.add("samples", Scalar(run.progress.samples));
  top.add("data_position", std::move(position));
}

/// The scalar at a path, or nullptr.
template <typename T>
const T* find_scalar(const StateDict& state, const std::string& path) {
  for (const NamedScalar& scalar : state.notes().scalars) {
    if (scalar.name == path) return std::get_if<T>(&scalar.value);
  }
  return nullptr;
}

void read_progress(const StateDict& state, Progress& progress) {
  const auto integer = [&](const char* path, std::int64_t otherwise) {
    const auto* found = find_scalar<std::int64_t>(state, path);
    return found == nullptr ? otherwise : *found;
  };
  progress.global_step = integer("global_step", 0);
  progress.epoch = integer("data_position.epoch", integer("epoch", -1) + 1);
  progress.batch = integer("data_position.batch", 0);
  progress.samples = integer("data_position.samples", 0);
  const std::string begin = "callbacks.ModelCheckpoint.best_k_models.";
  progress.kept.clear();
  for (const NamedScalar& scalar : state.notes().scalars) {
    if (scalar.name.rfind(begin, 0) != 0) continue;
    if (const auto* value = std::get_if<double>(&scalar.value)) {
      progress.kept.push_back({scalar.name.substr(begin.size()), *value});
    }
  }
}

void read_random_state(const StateDict& state, c10::Device device) {
  if (!state.contains("rng_states.torch")) return;
  RandomState random;
  random.cpu = state.tensor("rng_states.torch").tensor.clone();
  const std::string on_device = "rng_states.torch.cuda.0";
  if (state.contains(on_device)) random.device = state.tensor(on_device).tensor.clone();
  random.restore(device);
}

}  // namespace

void write_training_checkpoint(const std::string& path, const RunState& run, bool weights_only) {
  CkptValue top = CkptValue::dict();
  // Lightning's epoch is that of the batch seen last.
  const std::int64_t epoch = run.progress.batch == 0 ? run.progress.epoch - 1 : run.progress.epoch;
  top.add("epoch", Scalar(epoch)).add("global_step", Scalar(run.progress.global_step));
  top.add("pytorch-lightning_version", Scalar(std::string(kLightningVersion)));
  top.add("state_dict", state_dict(run.module));
  top.add("callbacks", callbacks(run.progress));
  if (!weights_only) add_training_state(top, run);
  checkpoint::write_ckpt(path, top);
}

void resume_weights(const std::string& path, torch::nn::Module& module) {
  const at::NoGradGuard no_grad;
  const StateDict weights = checkpoint::open_checkpoint(path);
  for (StateEntry& entry : state_of(module)) {
    if (!weights.contains(entry.name) || weights.info(entry.name).sizes != entry.tensor.sizes().vec()) {
      throw UnfitError("'" + path + "': expected '" + entry.name +
                       "' in the shape that the config gives it, got another or none; resume with the config "
                       "that the run was started with, or finetune from these weights");
    }
    entry.tensor.copy_(weights.tensor(entry.name).tensor);
  }
}

void resume_training(const std::string& path, const RunState& run) {
  const StateDict state = checkpoint::open_training_state(path);
  run.optimizer.load(state, "optimizer_states.0");
  if (run.scaler != nullptr) run.scaler->load(state, "native_amp_scaling_state");
  read_progress(state, run.progress);
  read_random_state(state, run.device);
}

}  // namespace ldm::training
