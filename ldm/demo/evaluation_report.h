#pragma once

#include <string>

#include "ldm/demo/evaluation.h"

namespace ldm::demo {

/// A table for people, with what guessing would reach beside each figure.
std::string text_report(const Evaluation& evaluation);

/// The same as one JSON object; shares are in [0, 1].
std::string json_report(const Evaluation& evaluation);

}  // namespace ldm::demo
