#include "ldm/cli/ckpt_program.h"

#include <iostream>

#include "ldm/cli/ckpt_commands.h"
#include "ldm/cli/option.h"
#include "ldm/closest_name.h"
#include "ldm/host_memory.h"
#include "ldm/pipelines/generation_options.h"

namespace ldm::cli {
namespace {

constexpr const char* kHelp =
    "usage: ckpt COMMAND FILE... [option...]\n"
    "\n"
    "Looks at, converts, compares and checks weights of Stable Diffusion. Nothing in a file is ever run.\n"
    "\n"
    "  inspect FILE      what a file holds\n"
    "  convert IN OUT    the same weights in another form or type\n"
    "  diff A B          which tensors differ, and by how much\n"
    "  verify FILE       whether a file is undamaged and fits its model\n"
    "\n"
    "ckpt COMMAND --help lists the options of each and its exit statuses.\n";

ExitStatus run(const std::string& command, const std::vector<std::string>& arguments) {
  if (command == "inspect") return inspect_command(arguments);
  if (command == "convert") return convert_command(arguments);
  if (command == "diff") return diff_command(arguments);
  if (command == "verify") return verify_command(arguments);
  if (command == "--help" || command == "-h") {
    std::cout << kHelp;
    return ExitStatus::success;
  }
  const std::string guess = closest_name(command, {"inspect", "convert", "diff", "verify"});
  throw OptionError("expected inspect, convert, diff or verify, got " +
                    (command.empty() ? "nothing" : "'" + command + "'") +
                    (guess.empty() ? "" : "; did you mean " + guess + "?"));
}

}  // namespace

int ckpt_program(const std::vector<std::string>& arguments) {
  keep_freed_memory();
  const std::string command = arguments.empty() ? "" : arguments[0];
  const std::vector<std::string> rest(arguments.begin() + (arguments.empty() ? 0 : 1), arguments.end());
  bool threw = true;
  const int status = guarded("ckpt", [&] {
    const ExitStatus result = run(command, rest);
    threw = false;
    return result;
  });
  // 1 says that two files differ, and nothing else may.
  const bool trouble = command == "diff" && threw && status != static_cast<int>(ExitStatus::interrupted);
  return trouble ? static_cast<int>(ExitStatus::usage) : status;
}

}  // namespace ldm::cli
