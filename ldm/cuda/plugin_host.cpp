#include "ldm/cuda/plugin_host.h"

#include <ATen/detail/CUDAHooksInterface.h>
#include <dlfcn.h>
#include <torch/headeronly/version.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace ldm::cuda {
namespace {

namespace fs = std::filesystem;

const char* const kBuild = "build it on a machine with the CUDA toolkit, after environment/setup.sh --cuda";

std::string loader_error() {
  const char* text = dlerror();
  return text != nullptr ? text : "no reason given";
}

// Folder of a file with links resolved; empty when it cannot be told.
fs::path folder_of(const fs::path& file) {
  std::error_code error;
  const fs::path resolved = fs::canonical(file, error);
  return error ? fs::path() : resolved.parent_path();
}

fs::path library_file() {
  Dl_info info{};
  const bool known = dladdr(reinterpret_cast<void*>(&plugin_paths), &info) != 0 && info.dli_fname != nullptr;
  return known ? fs::path(info.dli_fname) : fs::path();
}

[[noreturn]] void fail(const std::string& path, const std::string& problem) {
  throw std::runtime_error("CUDA plug-in " + path + ": " + problem);
}

void check_torch_version(const std::string& path, const std::string& version) {
  if (version != TORCH_VERSION) {
    fail(path, std::string("expected one built for LibTorch ") + TORCH_VERSION + ", got one for " + version +
                   "; " + kBuild);
  }
}

}  // namespace

std::string driver_problem() {
  if (void* driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL)) {
    dlclose(driver);
    return "";
  }
  const std::string reason = loader_error();
  std::error_code ignored;
  if (fs::exists("/proc/driver/nvidia/version", ignored)) {
    return "expected the NVIDIA driver's libcuda.so.1 beside its kernel module, got: " + reason +
           "; a container must be started with its GPUs (such as --gpus all)";
  }
  return "expected an NVIDIA driver, got none (" + reason + "); install the driver or use the device \"cpu\"";
}

std::vector<std::string> plugin_paths() {
  std::vector<std::string> paths;
  for (const fs::path& folder : {folder_of("/proc/self/exe"), folder_of(library_file())}) {
    if (folder.empty()) {
      continue;
    }
    for (const fs::path& place : {folder, folder.parent_path() / "lib"}) {
      const std::string path = (place / LDM_CUDA_PLUGIN_FILE).string();
      if (std::find(paths.begin(), paths.end(), path) == paths.end()) {
        paths.push_back(path);
      }
    }
  }
  return paths;
}

std::shared_ptr<const LdmCudaTable> load_plugin(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) {
    fail(path, "expected a library that loads, got: " + loader_error() +
                   "; environment/setup.sh --cuda installs the CUDA libraries that it needs");
  }
  auto* entry = reinterpret_cast<decltype(&ldm_cuda_plugin)>(dlsym(library, LDM_CUDA_PLUGIN_ENTRY));
  if (entry == nullptr) {
    fail(path, "expected a function " LDM_CUDA_PLUGIN_ENTRY ", got none");
  }
  auto table = std::make_shared<LdmCudaTable>();
  table->version = LDM_CUDA_PLUGIN_VERSION;
  if (entry(table.get()) != 0) {
    fail(path, "expected version " + std::to_string(LDM_CUDA_PLUGIN_VERSION) + ", got version " +
                   std::to_string(table->version) + "; build it from the program's own sources");
  }
  check_torch_version(path, table->torch_version);
  return table;
}

std::shared_ptr<const LdmCudaTable> open_plugin() {
  const std::vector<std::string> paths = plugin_paths();
  std::string tried;
  for (const std::string& path : paths) {
    std::error_code ignored;
    if (!fs::exists(path, ignored)) {
      tried += (tried.empty() ? "" : ", ") + path;
      continue;
    }
    auto table = load_plugin(path);
    if (!at::detail::getCUDAHooks().hasCUDART()) {
      fail(path,
           "expected to be opened before torch first looks for CUDA, got opened after it; choose the "
           "device as the first act of main");
    }
    return table;
  }
  throw std::runtime_error("expected the CUDA plug-in " LDM_CUDA_PLUGIN_FILE ", got none at " + tried + "; " +
                           kBuild);
}

}  // namespace ldm::cuda
