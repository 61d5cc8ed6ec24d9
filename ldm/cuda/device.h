#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "ldm/cuda/plugin_api.h"

namespace ldm {

/// The device that a program computes on, chosen once and passed on from there.
struct Device {
  /// The CPU, or CUDA with its index.
  c10::Device device = c10::Device(c10::DeviceType::CPU);
  /// For people: "CPU", or "NVIDIA H100 80GB HBM3 (cuda:0, 79.2 GiB)".
  std::string description = "CPU";
  /// Why "auto" came to be the CPU; empty otherwise.
  std::string fallback_reason;
  /// The plug-in's functions; null on the CPU.
  std::shared_ptr<const LdmCudaTable> cuda;
};

/// What select_device asks of the machine. Tests put another one in its place.
struct Machine {
  /// "" when there is a driver, else what is missing and what to do.
  std::function<std::string()> driver_problem;
  /// Opens the CUDA plug-in or throws std::runtime_error.
  std::function<std::shared_ptr<const LdmCudaTable>()> open_plugin;
};

/// Chooses the device and, where that is a GPU, brings CUDA into the process.
///
/// Must be the first act of main, before any torch call: torch asks for CUDA once and remembers the answer
/// for good. `spec` is "cpu", "cuda" (the first GPU), "cuda:N", or "auto": the first GPU where there is a
/// driver, the plug-in and a GPU that works, else the CPU, with the reason in fallback_reason. With "cpu",
/// and with "auto" on a machine without a driver, nothing is loaded. Throws std::invalid_argument for another
/// spec, naming the forms; std::runtime_error when the GPU asked for cannot be had, saying why and what to
/// do, and naming the GPUs that are there.
Device select_device(const std::string& spec);
Device select_device(const std::string& spec, const Machine& machine);

/// Bytes on the device, by CUDA's own count (other programs' included).
struct MemoryInfo {
  std::int64_t free = 0;
  std::int64_t total = 0;
};

/// Highest marks in bytes since the start or the last reset: held by tensors, and held by torch's allocator.
struct PeakMemory {
  std::int64_t allocated = 0;
  std::int64_t reserved = 0;
};

/// The functions below throw std::runtime_error with CUDA's reason. On the CPU they do nothing and return
/// zeros.
MemoryInfo memory_info(const Device& device);
PeakMemory peak_memory(const Device& device);
void reset_peak_memory(const Device& device);
/// Gives the allocator's unused blocks back to the driver.
void empty_cache(const Device& device);
/// Waits until the device has done all its work; call it before reading a clock.
void synchronize(const Device& device);
/// Sets options of torch's CUDA allocator, such as "expandable_segments:True". Before the first large
/// allocation.
void set_allocator(const Device& device, const std::string& settings);

}  // namespace ldm
