#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "ldm/checkpoint/state_dict.h"
#include "ldm/cli/ckpt_command_line.h"

namespace ldm::cli {

/// Said at the first Ctrl-C while a command reads or writes; a second one changes nothing, so that no
/// temporary file is left.
inline constexpr const char* kStopping = "\nstopping after the tensor at hand\n";

/// Reads a command's arguments into the options that `line` is tied to. False if they ask for the help, which
/// is then on standard output, with `ending` behind it. Throws OptionError.
bool parse_or_help(CommandLine& line, const std::vector<std::string>& arguments, const OpenOptions& options,
                   const char* ending);

/// Throws OptionError unless the line has just `count` files, which the message calls `wanted`.
void require_files(const CommandLine& line, std::size_t count, const std::string& wanted);

/// Opens weights as the options say.
checkpoint::StateDict open_file(const std::string& path, const OpenOptions& options);

/// Writes a result to standard output: not before it is sure that no file was cut while it was computed from.
void print_result(const std::string& text);

}  // namespace ldm::cli
