#pragma once

#include <functional>
#include <string>

namespace ldm::cli {

/// What a program's exit status means; README.md of this folder and the help say the same.
enum class ExitStatus {
  success = 0,
  failure = 1,  ///< anything that has no number of its own
  usage = 2,    ///< an option that is unknown, out of range or contradicts another
  input = 3,    ///< a config, checkpoint, prompt file or picture that is missing, damaged or does not fit
  output = 4,   ///< the output folder cannot be written, or is full
  memory = 5,   ///< too large for the device's memory
  not_supported = 6,  ///< what is not built yet, or a device that is not there
  numbers = 7,        ///< NaN or infinity in float32 too, or in training
  interrupted = 130   ///< Ctrl-C, or SIGTERM to train
};

/// The status that fits an exception, and the text for the user. `memory_advice` says what to do when the
/// memory was too small, in the program's own options; empty: nothing.
struct Failure {
  ExitStatus status;
  std::string message;
};
Failure explain(const std::exception& error, const std::string& memory_advice = "");

/// Calls `body` and gives its status as main's result. What it throws becomes "PROGRAM: error: ..." on
/// standard error and the status of `explain`.
int guarded(const std::string& program, const std::function<ExitStatus()>& body,
            const std::string& memory_advice = "");

}  // namespace ldm::cli
