// libldm_cuda.so: brings torch_cuda into a program that does not link to it, and answers questions about the
// devices. Uses no symbol of the library, so that each can be rebuilt without the other.

#include <ATen/ATen.h>
#include <c10/core/AllocatorConfig.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/util/Exception.h>
#include <cuda_runtime_api.h>
#include <torch/headeronly/version.h>

#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>

#include "ldm/cuda/plugin_api.h"

namespace {

namespace allocator = c10::cuda::CUDACachingAllocator;

std::string& error_text() {
  thread_local std::string text;
  return text;
}

// Exceptions end here: they may not cross a C interface.
template <class Body>
int guarded(const Body& body) {
  try {
    body();
    return 0;
  } catch (const c10::Error& error) {
    error_text() = error.what_without_backtrace();
  } catch (const std::exception& error) {
    error_text() = error.what();
  } catch (...) {
    error_text() = "an unknown exception";
  }
  return 1;
}

void require(cudaError_t status) {
  if (status != cudaSuccess) {
    cudaGetLastError();  // or the next call would report this failure again
    throw std::runtime_error(cudaGetErrorString(status));
  }
}

c10::DeviceIndex checked(int index) {
  int count = 0;
  require(cudaGetDeviceCount(&count));
  if (index < 0 || index >= count) {
    throw std::out_of_range("expected a device index below " + std::to_string(count) + ", got " +
                            std::to_string(index));
  }
  return static_cast<c10::DeviceIndex>(index);
}

// The allocator keeps no statistics before torch has set CUDA up.
c10::DeviceIndex initialised(int index) {
  const c10::DeviceIndex device = checked(index);
  at::globalContext().lazyInitDevice(c10::DeviceType::CUDA);
  return device;
}

int device_count() {
  int count = 0;
  return guarded([&] { require(cudaGetDeviceCount(&count)); }) == 0 ? count : -1;
}

int device_name(int index, char* buffer, size_t size) {
  return guarded([&] {
    cudaDeviceProp properties;
    require(cudaGetDeviceProperties(&properties, checked(index)));
    std::snprintf(buffer, size, "%s", properties.name);
  });
}

int check_device(int index) {
  return guarded([&] {
    const c10::Device device(c10::DeviceType::CUDA, checked(index));
    const at::Tensor one = at::ones({1}, at::TensorOptions(device).dtype(at::kFloat));
    if (one.add(1).item<float>() != 2.0f) {
      throw std::runtime_error("expected 1 + 1 to be 2 on the device, got another number");
    }
  });
}

int memory_info(int index, int64_t* free_bytes, int64_t* total_bytes) {
  return guarded([&] {
    const c10::cuda::CUDAGuard guard(checked(index));
    size_t free = 0, total = 0;
    require(cudaMemGetInfo(&free, &total));
    *free_bytes = static_cast<int64_t>(free);
    *total_bytes = static_cast<int64_t>(total);
  });
}

int peak_memory(int index, int64_t* allocated_bytes, int64_t* reserved_bytes) {
  return guarded([&] {
    const auto stats = allocator::getDeviceStats(initialised(index));
    constexpr auto kAll = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
    *allocated_bytes = stats.allocated_bytes[kAll].peak;
    *reserved_bytes = stats.reserved_bytes[kAll].peak;
  });
}

int reset_peak_memory(int index) {
  return guarded([&] { allocator::resetPeakStats(initialised(index)); });
}

int empty_cache() {
  return guarded([] { allocator::emptyCache(); });
}

int synchronize(int index) {
  return guarded([&] {
    const c10::cuda::CUDAGuard guard(checked(index));
    c10::cuda::device_synchronize();
  });
}

int set_allocator(const char* settings) {
  return guarded([&] { c10::CachingAllocator::setAllocatorSettings(settings); });
}

const char* last_error() {
  return error_text().c_str();
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int ldm_cuda_plugin(LdmCudaTable* table) {
  const bool spoken = table->version == LDM_CUDA_PLUGIN_VERSION;
  table->version = LDM_CUDA_PLUGIN_VERSION;
  if (!spoken) {
    return 1;
  }
  *table = {LDM_CUDA_PLUGIN_VERSION,
            TORCH_VERSION,
            &device_count,
            &device_name,
            &check_device,
            &memory_info,
            &peak_memory,
            &reset_peak_memory,
            &empty_cache,
            &synchronize,
            &set_allocator,
            &last_error};
  return 0;
}
