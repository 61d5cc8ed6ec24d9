#include "ldm/training/random_state.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>

#include <mutex>

namespace ldm::training {
namespace {

at::Generator default_generator(c10::Device device) {
  return at::globalContext().defaultGenerator(device);
}

at::Tensor state_of(at::Generator generator) {
  const std::lock_guard<std::mutex> lock(generator.mutex());
  return generator.get_state();
}

void set_state(at::Generator generator, const at::Tensor& state) {
  const std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_state(state);
}

void seed(at::Generator generator, std::uint64_t value) {
  const std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_current_seed(value);
}

}  // namespace

RandomState RandomState::of(c10::Device device) {
  RandomState state;
  state.cpu = state_of(default_generator(c10::kCPU));
  if (!device.is_cpu()) state.device = state_of(default_generator(device));
  return state;
}

void RandomState::restore(c10::Device on) const {
  set_state(default_generator(c10::kCPU), cpu);
  if (!on.is_cpu() && device.defined()) set_state(default_generator(on), device);
}

void seed_everything(std::uint64_t value, c10::Device device) {
  seed(default_generator(c10::kCPU), value);
  if (!device.is_cpu()) seed(default_generator(device), value);
}

SeededScope::SeededScope(std::uint64_t value, c10::Device device)
    : device_(device), before_(RandomState::of(device)) {
  seed_everything(value, device);
}

SeededScope::~SeededScope() {
  before_.restore(device_);
}

}  // namespace ldm::training
