#include "ldm/cli/generation_program.h"

#include <unistd.h>

#include <iostream>

#include "ldm/checkpoint/mapping_guard.h"
#include "ldm/cli/exit_status.h"
#include "ldm/cli/generation_command_line.h"
#include "ldm/cli/interactive.h"
#include "ldm/cli/interrupts.h"
#include "ldm/host_memory.h"

namespace ldm::cli {
namespace {

constexpr const char* kNotice =
    "\nstopping; a batch that is being made is finished first, Ctrl-C again to abort\n";

constexpr const char* kEnding =
    "Options may be written with - or _ between their words, and values after a space or =.\n"
    "a.b=c overrides a value of the config, as in model.params.use_ema=true.\n"
    "\n"
    "Ctrl-C ends the run after the batch that is being made; a second Ctrl-C aborts.\n"
    "\n"
    "Exit status: 0 done; 1 some other failure; 2 wrong options; 3 a file that is missing, damaged or does "
    "not\n"
    "fit; 4 the output folder cannot be written or is full; 5 out of memory; 6 not supported here (a model "
    "that\n"
    "is not built yet, a device that is not there); 7 NaN or infinity in float32; 130 interrupted.\n";

const char* name_of(GenerationKind kind) {
  return kind == GenerationKind::img2img ? "img2img" : "txt2img";
}

/// A session with a person, or with a program that writes lines.
void converse(GenerationSession& session, const GenerationOptions& options, ConsoleReporter& reporter,
              Interrupts& interrupts) {
  session.begin(options);
  const bool terminal = ::isatty(STDIN_FILENO) == 1;
  InteractiveActions actions;
  actions.ask = [terminal] {
    if (terminal) std::cerr << "prompt> " << std::flush;
  };
  actions.generate = [&](const GenerationOptions& now) {
    interrupts.reset();
    session.run(now);
    interrupts.reset();
  };
  actions.say = [&](const std::string& text) { reporter.say(text); };
  run_interactive(std::cin, options, actions);
  if (terminal) std::cerr << '\n';
}

ExitStatus run(GenerationKind kind, const std::vector<std::string>& arguments,
               const ReadPicture& read_picture) {
  GenerationOptions options = default_options(kind);
  ProgramOptions program;
  CommandLine line = generation_command_line(options, program);
  line.parse(arguments);
  if (program.help) {
    std::cout << line.help(kEnding);
    return ExitStatus::success;
  }
  const std::string demo = turn_to_demo_model(line, options);
  finish_command_line(line, options, program);
  Interrupts interrupts(kNotice);
  ConsoleReporter reporter(standard_console(), name_of(kind), [&] { return interrupts.any(); });
  if (!demo.empty()) reporter.say(demo);
  GenerationSession session(options.model, read_picture, reporter);
  if (program.dry_run) {
    session.show_plan(options);
    return ExitStatus::success;
  }
  if (program.interactive) {
    converse(session, options, reporter, interrupts);
    return interrupts.any() ? ExitStatus::interrupted : ExitStatus::success;
  }
  return session.run(options).complete ? ExitStatus::success : ExitStatus::interrupted;
}

}  // namespace

int generation_program(GenerationKind kind, const std::vector<std::string>& arguments,
                       const ReadPicture& read_picture) {
  checkpoint::install_mapping_guard();
  keep_freed_memory();
  const auto body = [&] { return run(kind, arguments, read_picture); };
  return guarded(name_of(kind), body, kPictureMemoryAdvice);
}

}  // namespace ldm::cli
