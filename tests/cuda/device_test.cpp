#include "ldm/cuda/device.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>

#include "ldm/cuda/plugin_host.h"
#include "tests/support/paths.h"

namespace {

using ldm::Device;
using ldm::Machine;
using ldm::select_device;

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

template <class Error, class Body>
std::string error_of(const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error of the expected type";
}

// A plug-in with two devices, of which the second does not work.
LdmCudaTable two_devices() {
  LdmCudaTable table{};
  table.version = LDM_CUDA_PLUGIN_VERSION;
  table.device_count = [] { return 2; };
  table.device_name = [](int index, char* buffer, size_t size) {
    std::snprintf(buffer, size, "Test GPU %c", 'A' + index);
    return 0;
  };
  table.check_device = [](int index) { return index; };
  table.memory_info = [](int, int64_t* free_bytes, int64_t* total_bytes) {
    *free_bytes = 1LL << 30;
    *total_bytes = 3LL << 29;
    return 0;
  };
  table.peak_memory = [](int index, int64_t* allocated, int64_t* reserved) {
    *allocated = 100 + index;
    *reserved = 200 + index;
    return 0;
  };
  table.synchronize = [](int) { return 1; };
  table.last_error = []() -> const char* { return "no kernel image"; };
  return table;
}

Machine machine_with(const LdmCudaTable& table) {
  return {[] { return std::string(); }, [table] { return std::make_shared<const LdmCudaTable>(table); }};
}

Machine machine_without_driver() {
  return {[] { return std::string("expected an NVIDIA driver, got none"); },
          []() -> std::shared_ptr<const LdmCudaTable> { throw std::logic_error("opened without a driver"); }};
}

Machine machine_without_plugin() {
  return {[] { return std::string(); },
          []() -> std::shared_ptr<const LdmCudaTable> { throw std::runtime_error("plug-in not built"); }};
}

TEST(SelectDevice, CpuAsksNothingOfTheMachine) {
  const Device device = select_device("cpu", Machine{});
  EXPECT_TRUE(device.device.is_cpu());
  EXPECT_EQ(device.description, "CPU");
  EXPECT_EQ(device.fallback_reason, "");
  EXPECT_EQ(device.cuda, nullptr);
}

TEST(SelectDevice, AutoWithoutADriverIsTheCpuWithAReason) {
  const Device device = select_device("auto", machine_without_driver());
  EXPECT_TRUE(device.device.is_cpu());
  EXPECT_EQ(device.fallback_reason, "expected an NVIDIA driver, got none");
}

TEST(SelectDevice, AutoWithoutThePluginIsTheCpuWithAReason) {
  const Device device = select_device("auto", machine_without_plugin());
  EXPECT_TRUE(device.device.is_cpu());
  EXPECT_EQ(device.fallback_reason, "plug-in not built");
}

TEST(SelectDevice, CudaThatCannotBeHadIsAnError) {
  const auto driver = error_of<std::runtime_error>([] { select_device("cuda", machine_without_driver()); });
  EXPECT_EQ(driver, "device \"cuda\": expected an NVIDIA driver, got none");
  const auto plugin = error_of<std::runtime_error>([] { select_device("cuda:1", machine_without_plugin()); });
  EXPECT_EQ(plugin, "device \"cuda:1\": plug-in not built");
}

TEST(SelectDevice, TakesTheFirstGpu) {
  for (const char* spec : {"auto", "cuda", "cuda:0"}) {
    const Device device = select_device(spec, machine_with(two_devices()));
    EXPECT_EQ(device.device, c10::Device(c10::DeviceType::CUDA, 0)) << spec;
    EXPECT_EQ(device.description, "Test GPU A (cuda:0, 1.5 GiB)");
    EXPECT_EQ(device.fallback_reason, "");
    EXPECT_NE(device.cuda, nullptr);
  }
}

TEST(SelectDevice, NamesTheGpusThatAreThere) {
  for (const char* spec : {"cuda:2", "cuda:128", "cuda:999999999"}) {
    const auto error =
        error_of<std::runtime_error>([&] { select_device(spec, machine_with(two_devices())); });
    EXPECT_TRUE(holds(error, "cuda:0 Test GPU A, cuda:1 Test GPU B")) << error;
  }
}

TEST(SelectDevice, SaysWhyAGpuDoesNotWork) {
  const auto error =
      error_of<std::runtime_error>([] { select_device("cuda:1", machine_with(two_devices())); });
  EXPECT_EQ(error, "device \"cuda:1\": Test GPU B (cuda:1): expected success, got: no kernel image");
}

TEST(SelectDevice, AutoLeavesAGpuThatDoesNotWork) {
  LdmCudaTable table = two_devices();
  table.check_device = [](int) { return 1; };
  const Device device = select_device("auto", machine_with(table));
  EXPECT_TRUE(device.device.is_cpu());
  EXPECT_EQ(device.cuda, nullptr);
  EXPECT_TRUE(holds(device.fallback_reason, "no kernel image")) << device.fallback_reason;
}

TEST(SelectDevice, TellsNoGpuFromAFailedDriver) {
  LdmCudaTable table = two_devices();
  table.device_count = [] { return 0; };
  const auto none = error_of<std::runtime_error>([&] { select_device("cuda", machine_with(table)); });
  EXPECT_TRUE(holds(none, "CUDA_VISIBLE_DEVICES")) << none;
  table.device_count = [] { return -1; };
  table.last_error = []() -> const char* { return "driver too old"; };
  const auto failed = error_of<std::runtime_error>([&] { select_device("cuda", machine_with(table)); });
  EXPECT_TRUE(holds(failed, "got: driver too old")) << failed;
}

TEST(SelectDevice, RefusesOtherSpecsNamingTheForms) {
  for (const std::string spec :
       {"gpu", "cuda:x", "cuda:-1", "cuda:", "cuda0", "cuda:1 ", "CUDA", "", "cpu:0", "cuda:9999999999"}) {
    const auto error =
        error_of<std::invalid_argument>([&] { select_device(spec, machine_with(two_devices())); });
    EXPECT_TRUE(holds(error, "\"auto\", \"cpu\", \"cuda\" or \"cuda:N\"") &&
                holds(error, "got \"" + spec + "\""))
        << error;
  }
}

TEST(DeviceMemory, ReadsThePlugin) {
  const Device device = select_device("cuda", machine_with(two_devices()));
  EXPECT_EQ(ldm::memory_info(device).free, 1LL << 30);
  EXPECT_EQ(ldm::peak_memory(device).allocated, 100);
  EXPECT_EQ(ldm::peak_memory(device).reserved, 200);
  const auto error = error_of<std::runtime_error>([&] { ldm::synchronize(device); });
  EXPECT_EQ(error, "synchronize: expected success, got: no kernel image");
}

TEST(DeviceMemory, IsZeroOnTheCpu) {
  const Device device;
  EXPECT_EQ(ldm::memory_info(device).total, 0);
  EXPECT_EQ(ldm::peak_memory(device).reserved, 0);
  EXPECT_NO_THROW(ldm::synchronize(device));
  EXPECT_NO_THROW(ldm::empty_cache(device));
  EXPECT_NO_THROW(ldm::reset_peak_memory(device));
  EXPECT_NO_THROW(ldm::set_allocator(device, "anything"));
}

TEST(Plugin, IsLookedForBesideTheProgram) {
  const auto paths = ldm::cuda::plugin_paths();
  ASSERT_GE(paths.size(), 2u);
  EXPECT_TRUE(holds(paths[0], "/" LDM_CUDA_PLUGIN_FILE)) << paths[0];
  EXPECT_TRUE(holds(paths[1], "/lib/" LDM_CUDA_PLUGIN_FILE)) << paths[1];
}

TEST(Plugin, SaysWhatIsWrongWithAFile) {
  const std::string text = ldm::testing::temp_dir() + "/text.so";
  std::ofstream(text) << "no library";
  const auto no_library = error_of<std::runtime_error>([&] { ldm::cuda::load_plugin(text); });
  EXPECT_TRUE(holds(no_library, text) && holds(no_library, "setup.sh --cuda")) << no_library;
  const auto no_entry = error_of<std::runtime_error>([] { ldm::cuda::load_plugin("libm.so.6"); });
  EXPECT_TRUE(holds(no_entry, "expected a function ldm_cuda_plugin")) << no_entry;
}

TEST(ThisMachine, AutoIsAGpuOrTheCpuWithAReason) {
  const Device device = select_device("auto");
  EXPECT_EQ(device.device.is_cpu(), !device.fallback_reason.empty()) << device.fallback_reason;
  EXPECT_EQ(device.device.is_cuda(), device.cuda != nullptr);
  const at::Tensor sum = at::ones({3}, device.device).add(1).sum();
  EXPECT_EQ(sum.item<float>(), 6.0f);
}

TEST(ThisMachine, WithoutADriverCudaIsAnErrorThatSaysSo) {
  const std::string problem = ldm::cuda::driver_problem();
  if (problem.empty()) {
    GTEST_SKIP() << "this machine has an NVIDIA driver";
  }
  EXPECT_EQ(select_device("auto").fallback_reason, problem);
  const auto error = error_of<std::runtime_error>([] { select_device("cuda"); });
  EXPECT_EQ(error, "device \"cuda\": " + problem);
  EXPECT_TRUE(holds(problem, "libcuda.so.1")) << problem;
}

}  // namespace
