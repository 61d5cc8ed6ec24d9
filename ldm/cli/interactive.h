#pragma once

#include <functional>
#include <istream>
#include <string>

#include "ldm/pipelines/generation_options.h"

namespace ldm::cli {

/// What an interactive session does with its lines.
struct InteractiveActions {
  std::function<void()> ask;                                       ///< before each line, for a prompt sign
  std::function<void(const GenerationOptions& options)> generate;  ///< for a line with a prompt
  std::function<void(const std::string& text)> say;                ///< "seed 7", and each error
};

/// Reads lines to the end of the input: one that begins with two dashes sets an option ("--name value"; only
/// those that can change while the model is loaded), any other is a prompt to generate with the options as
/// they are then, and blank ones are left out. An error, also one of `generate`, is said and leaves the
/// options as they were.
void run_interactive(std::istream& input, GenerationOptions options, const InteractiveActions& actions);

}  // namespace ldm::cli
