#pragma once

#include <set>
#include <string>
#include <vector>

#include "ldm/cli/option.h"

namespace ldm::cli {

/// A program's options, read from its arguments or from lines of an interactive session.
///
/// Names match whatever joins their words: `--from-file` and `--from_file` are one option; case counts
/// (`--C`). A value follows its option as the next argument or after `=`. The next argument is no value when
/// it looks like an option itself (two dashes and a letter): then the value is missing, and a text of that
/// form must be written with `=`. An option given twice takes its last value. An argument `a.b=c` without
/// dashes is an override of the config, in a program that takes files (`take_files`) a file. `-h` is
/// `--help`.
class CommandLine {
 public:
  /// `program` and `summary` head the help.
  CommandLine(std::string program, std::string summary, std::vector<OptionGroup> groups);

  /// From now on arguments without dashes are names of files, of any number. `usage` is what the help calls
  /// them, such as "IN OUT".
  void take_files(std::string usage);

  /// Reads the arguments (without the program's name) into the options' variables. Throws OptionError.
  void parse(const std::vector<std::string>& arguments);

  /// Reads `--name value`, `--name=value` or, for a switch, `--name` or `--name off` from a line of text; the
  /// value is all the rest of the line. Throws OptionError, also for an option of a `fixed` group.
  void parse_line(const std::string& line);

  /// Whether the option (by its name in the table) was named in the arguments.
  bool given(const std::string& name) const { return given_.count(name) > 0; }
  const std::vector<std::string>& overrides() const { return overrides_; }
  /// The files, in their order.
  const std::vector<std::string>& files() const { return files_; }

  /// The help: usage, the options by group with their defaults, then `ending`.
  std::string help(const std::string& ending) const;

 private:
  /// The option that is written so. Throws OptionError with a guess.
  const Option& find(const std::string& written) const;
  bool is_fixed(const Option& option) const;
  void add_positional(const std::string& argument);

  std::string program_, summary_;
  std::vector<OptionGroup> groups_;
  std::string files_usage_;
  std::set<std::string> given_;
  std::vector<std::string> overrides_, files_;
};

}  // namespace ldm::cli
