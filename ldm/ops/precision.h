#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <string>

namespace ldm {

/// What the models compute in. `full`: float32. `autocast`: float32 weights; on CUDA torch's own cast lists
/// (linear, conv and attention in half, norms and softmax in float32), on the CPU plain float32, as the
/// reference's `autocast("cuda")` is there. `half` and `bf16`: weights and activations of that type.
enum class Precision { full, autocast, half, bf16 };

/// "full", "autocast", "half" or "bf16". Throws std::invalid_argument naming the four for any other text.
Precision parse_precision(const std::string& text);
std::string to_string(Precision precision);

/// The type that a model's parameters have in this precision: Half, BFloat16, or Float for the other two.
c10::ScalarType weight_type(Precision precision);

/// Turns torch's autocast to half on for the life of the scope, where `precision` is autocast and `device` is
/// CUDA; does nothing elsewhere. The destructor restores the thread's former state: enabled, type, weight
/// cache. Autocast is a property of the thread: open the scope where the model is called. Scopes nest.
class AutocastScope {
 public:
  /// `cache_weights`: keep the half copies of float32 parameters that require a gradient until the outermost
  /// scope ends, as torch does. Switch it off where the scope is captured in a CUDA graph.
  AutocastScope(c10::Device device, Precision precision, bool cache_weights = true);
  /// Autocast to `dtype` on the CPU or on CUDA, for training; nothing for a type other than Half and
  /// BFloat16.
  AutocastScope(c10::DeviceType device, c10::ScalarType dtype, bool cache_weights = true);
  ~AutocastScope();
  AutocastScope(const AutocastScope&) = delete;
  AutocastScope& operator=(const AutocastScope&) = delete;

 private:
  bool active_;
  c10::DeviceType device_;
  bool was_enabled_ = false;
  bool was_caching_ = false;
  c10::ScalarType was_type_ = c10::ScalarType::Half;
};

}  // namespace ldm
