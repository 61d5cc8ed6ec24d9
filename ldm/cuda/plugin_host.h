#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ldm/cuda/plugin_api.h"

namespace ldm::cuda {

/// The program's side of the plug-in: is there a driver, where may the plug-in lie, open it. Once opened it
/// stays for the life of the process: torch's CUDA library cannot be unloaded.

/// "" when the NVIDIA driver's library can be loaded, else what is missing and what to do. Loads nothing for
/// good.
std::string driver_problem();

/// Where the plug-in is looked for, in order: beside the program, in ../lib from there, then the same two
/// places for the library that holds this function.
std::vector<std::string> plugin_paths();

/// Opens the file (RTLD_NOW | RTLD_GLOBAL, as torch's own libraries must find each other) and reads its
/// table. Throws std::runtime_error naming the path and what to do: it cannot be loaded, has no entry
/// function, or was built from other sources or for another LibTorch.
std::shared_ptr<const LdmCudaTable> load_plugin(const std::string& path);

/// Opens the first of `plugin_paths()` that exists and makes sure that torch has seen it. Throws
/// std::runtime_error as load_plugin; when there is none; and when torch had asked for CUDA before (seeding,
/// backward and pinned memory do), since it never asks twice.
std::shared_ptr<const LdmCudaTable> open_plugin();

}  // namespace ldm::cuda
