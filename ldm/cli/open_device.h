#pragma once

#include <string>

#include "ldm/cuda/device.h"

namespace ldm::cli {

/// The device that an option --device names. Throws OptionError for a text that names none, NotSupported
/// where it cannot be had.
Device open_device(const std::string& spec);

}  // namespace ldm::cli
