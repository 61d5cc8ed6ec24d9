#include "ldm/cli/open_device.h"

#include <stdexcept>

#include "ldm/pipelines/generation_options.h"

namespace ldm::cli {

Device open_device(const std::string& spec) {
  try {
    return select_device(spec);
  } catch (const std::invalid_argument& error) {
    throw OptionError(std::string("--") + error.what());
  } catch (const std::runtime_error& error) {
    throw NotSupported(std::string("--device: ") + error.what());
  }
}

}  // namespace ldm::cli
