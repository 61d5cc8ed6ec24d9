#include "ldm/cli/interactive.h"

#include "ldm/cli/exit_status.h"
#include "ldm/cli/generation_command_line.h"

namespace ldm::cli {
namespace {

std::string trimmed(const std::string& text) {
  const char* blanks = " \t\r";
  const std::size_t begin = text.find_first_not_of(blanks);
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

/// The options with the line's change made.
GenerationOptions changed(GenerationOptions options, const std::string& line) {
  const std::string prompt = options.prompt;
  ProgramOptions program;
  CommandLine(generation_command_line(options, program)).parse_line(line);
  if (!options.from_file.empty() || options.prompt != prompt) {
    throw OptionError("expected a prompt as a line of its own, got '" + line + "'");
  }
  check_options(options);
  return options;
}

}  // namespace

void run_interactive(std::istream& input, GenerationOptions options, const InteractiveActions& actions) {
  std::string text;
  for (actions.ask(); std::getline(input, text); actions.ask()) {
    const std::string line = trimmed(text);
    try {
      if (line.compare(0, 2, "--") == 0) {
        options = changed(options, line);
        actions.say(line.substr(2) + ": set");
      } else if (!line.empty()) {
        options.prompt = line;
        actions.generate(options);
      }
    } catch (const std::exception& error) {
      actions.say("error: " + explain(error, kPictureMemoryAdvice).message);
    }
  }
}

}  // namespace ldm::cli
