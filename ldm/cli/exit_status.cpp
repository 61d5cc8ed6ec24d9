#include "ldm/cli/exit_status.h"

#include <c10/util/Exception.h>

#include <iostream>
#include <new>

#include "ldm/checkpoint/error.h"
#include "ldm/cli/interrupts.h"
#include "ldm/config/config.h"
#include "ldm/files/error.h"
#include "ldm/pipelines/finite_stages.h"
#include "ldm/pipelines/generation_options.h"
#include "ldm/pipelines/generation_plan.h"
#include "ldm/pipelines/load_model.h"
#include "ldm/training/error.h"

namespace ldm::cli {
namespace {

template <typename Type>
bool is(const std::exception& error) {
  return dynamic_cast<const Type*>(&error) != nullptr;
}

/// torch's CPU allocator has no exception type of its own.
bool is_out_of_memory(const std::exception& error) {
  return is<std::bad_alloc>(error) || is<c10::OutOfMemoryError>(error) ||
         std::string(error.what()).find("DefaultCPUAllocator") != std::string::npos;
}

ExitStatus status_of(const std::exception& error) {
  if (is<OptionError>(error)) return ExitStatus::usage;
  if (is<Interrupted>(error)) return ExitStatus::interrupted;
  if (is<NotSupported>(error)) return ExitStatus::not_supported;
  if (is<TooLarge>(error) || is_out_of_memory(error)) return ExitStatus::memory;
  if (is<NumericError>(error) || is<training::NonFiniteError>(error)) return ExitStatus::numbers;
  if (is<files::WriteError>(error) || is<checkpoint::WriteError>(error)) return ExitStatus::output;
  const bool input = is<files::FileError>(error) || is<config::ConfigError>(error) ||
                     is<checkpoint::CheckpointError>(error) || is<LoadError>(error) ||
                     is<training::UnfitError>(error);
  return input ? ExitStatus::input : ExitStatus::failure;
}

}  // namespace

Failure explain(const std::exception& error, const std::string& memory_advice) {
  const auto* torch = dynamic_cast<const c10::Error*>(&error);
  std::string message = torch != nullptr ? torch->what_without_backtrace() : error.what();
  if (is_out_of_memory(error)) {
    message = "out of memory: expected room for the run, got: " + message;
    if (!memory_advice.empty()) message += "; " + memory_advice;
  }
  return {status_of(error), message};
}

int guarded(const std::string& program, const std::function<ExitStatus()>& body,
            const std::string& memory_advice) {
  try {
    return static_cast<int>(body());
  } catch (const std::exception& error) {
    const Failure failure = explain(error, memory_advice);
    const char* hint = failure.status == ExitStatus::usage ? " (--help lists the options)" : "";
    std::cerr << program << ": error: " << failure.message << hint << std::endl;
    return static_cast<int>(failure.status);
  }
}

}  // namespace ldm::cli
