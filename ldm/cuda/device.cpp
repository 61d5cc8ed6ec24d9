#include "ldm/cuda/device.h"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <optional>
#include <stdexcept>

#include "ldm/cuda/plugin_host.h"
#include "ldm/host_memory.h"

namespace ldm {
namespace {

[[noreturn]] void refuse_spec(const std::string& spec) {
  throw std::invalid_argument(
      "device: expected \"auto\", \"cpu\", \"cuda\" or \"cuda:N\" (N = 0, 1, ...), got \"" + spec + "\"");
}

// The N of "cuda:N", 0 for "cuda" alone.
int parse_cuda_index(const std::string& spec) {
  const std::string head = "cuda";
  if (spec == head) {
    return 0;
  }
  const std::string digits = spec.size() > head.size() + 1 ? spec.substr(head.size() + 1) : "";
  const bool number =
      !digits.empty() && digits.size() <= 9 && digits.find_first_not_of("0123456789") == std::string::npos;
  if (spec.compare(0, head.size() + 1, head + ":") != 0 || !number) {
    refuse_spec(spec);
  }
  return std::stoi(digits);
}

void require(const LdmCudaTable& cuda, int status, const std::string& what) {
  if (status != 0) {
    throw std::runtime_error(what + ": expected success, got: " + cuda.last_error());
  }
}

std::string device_name(const LdmCudaTable& cuda, int index) {
  char name[256] = "";
  require(cuda, cuda.device_name(index, name, sizeof name), "cuda:" + std::to_string(index));
  return name;
}

std::string list_devices(const LdmCudaTable& cuda, int count) {
  std::string list;
  for (int i = 0; i < count; ++i) {
    list += (i == 0 ? "" : ", ") + ("cuda:" + std::to_string(i)) + " " + device_name(cuda, i);
  }
  return list;
}

void check_index(const LdmCudaTable& cuda, int index) {
  const int count = std::min<int>(cuda.device_count(), std::numeric_limits<c10::DeviceIndex>::max());
  if (count < 0) {
    throw std::runtime_error(std::string("expected CUDA to start, got: ") + cuda.last_error() +
                             "; update the NVIDIA driver or use the device \"cpu\"");
  }
  if (count == 0) {
    throw std::runtime_error("expected a GPU, got none that CUDA sees; look at CUDA_VISIBLE_DEVICES");
  }
  if (index >= count) {
    throw std::runtime_error("expected a GPU that is there, got index " + std::to_string(index) +
                             "; there are: " + list_devices(cuda, count));
  }
}

Device open_cuda(int index, const Machine& machine) {
  const std::string problem = machine.driver_problem();
  if (!problem.empty()) {
    throw std::runtime_error(problem);
  }
  Device result;
  result.cuda = machine.open_plugin();
  check_index(*result.cuda, index);
  const std::string label = "cuda:" + std::to_string(index);
  const std::string name = device_name(*result.cuda, index);
  require(*result.cuda, result.cuda->check_device(index), name + " (" + label + ")");
  result.device = c10::Device(c10::DeviceType::CUDA, static_cast<c10::DeviceIndex>(index));
  result.description = name + " (" + label + ", " + gibibytes(memory_info(result).total) + ")";
  return result;
}

}  // namespace

Device select_device(const std::string& spec) {
  return select_device(spec, Machine{&cuda::driver_problem, [] { return cuda::open_plugin(); }});
}

Device select_device(const std::string& spec, const Machine& machine) {
  if (spec == "cpu") {
    return Device();
  }
  const bool automatic = spec == "auto";
  const int index = automatic ? 0 : parse_cuda_index(spec);
  try {
    return open_cuda(index, machine);
  } catch (const std::runtime_error& error) {
    if (!automatic) {
      throw std::runtime_error("device \"" + spec + "\": " + error.what());
    }
    Device cpu;
    cpu.fallback_reason = error.what();
    return cpu;
  }
}

MemoryInfo memory_info(const Device& device) {
  MemoryInfo info;
  if (device.cuda) {
    require(*device.cuda, device.cuda->memory_info(device.device.index(), &info.free, &info.total),
            "memory_info");
  }
  return info;
}

PeakMemory peak_memory(const Device& device) {
  PeakMemory peak;
  if (device.cuda) {
    require(*device.cuda, device.cuda->peak_memory(device.device.index(), &peak.allocated, &peak.reserved),
            "peak_memory");
  }
  return peak;
}

void reset_peak_memory(const Device& device) {
  if (device.cuda) {
    require(*device.cuda, device.cuda->reset_peak_memory(device.device.index()), "reset_peak_memory");
  }
}

void empty_cache(const Device& device) {
  if (device.cuda) {
    require(*device.cuda, device.cuda->empty_cache(), "empty_cache");
  }
}

void synchronize(const Device& device) {
  if (device.cuda) {
    require(*device.cuda, device.cuda->synchronize(device.device.index()), "synchronize");
  }
}

void set_allocator(const Device& device, const std::string& settings) {
  if (device.cuda) {
    require(*device.cuda, device.cuda->set_allocator(settings.c_str()), "set_allocator \"" + settings + "\"");
  }
}

}  // namespace ldm
