#pragma once

#include <string_view>

namespace ldm::experiments {

/// The report's own style sheet and script (page/), as they were when the program was built.
std::string_view page_css();
std::string_view page_js();

}  // namespace ldm::experiments
