#pragma once

#include "ldm/cli/console_reporter.h"
#include "ldm/cli/model_session.h"

namespace ldm::cli {

/// One model and the runs made with it, told to a person.
class GenerationSession {
 public:
  /// As ModelSession's.
  GenerationSession(const ModelOptions& options, ReadPicture read_picture, ConsoleReporter& reporter);

  /// Says what a run would do, and throws if it could not.
  void show_plan(const GenerationOptions& options);
  /// One run, its plan and its end told to the reporter. The weights are loaded when the first one needs
  /// them.
  GenerationResult run(const GenerationOptions& options);
  /// What an interactive session begins with: makes sure that the output folder can be written to, and loads
  /// the weights.
  void begin(const GenerationOptions& options);

 private:
  void load();
  void say_plan(const GenerationPlan& plan);
  void say_end(const GenerationResult& result, double seconds);

  std::string precision_;
  ConsoleReporter& reporter_;
  ModelSession model_;
};

}  // namespace ldm::cli
