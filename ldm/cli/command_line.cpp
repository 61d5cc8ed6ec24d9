#include "ldm/cli/command_line.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <sstream>
#include <utility>

#include "ldm/closest_name.h"
#include "ldm/pipelines/generation_options.h"

namespace ldm::cli {
namespace {

constexpr std::size_t kHelpWidth = 100;
constexpr std::size_t kHelpIndent = 30;

/// A name as all its spellings share it.
std::string plain(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

/// The option of that plain name, or null.
const Option* named(const std::vector<OptionGroup>& groups, const std::string& plain_name) {
  for (const OptionGroup& group : groups) {
    for (const Option& option : group.options) {
      if (plain(option.name) == plain_name) return &option;
    }
  }
  return nullptr;
}

bool looks_like_option(const std::string& argument) {
  return argument.size() > 2 && argument.compare(0, 2, "--") == 0 &&
         std::isalpha(static_cast<unsigned char>(argument[2])) != 0;
}

/// "--name=value" in its two parts; no value without "=".
struct Written {
  std::string name;
  std::optional<std::string> value;
};

Written split(const std::string& argument) {
  const std::size_t equals = argument.find('=');
  if (equals == std::string::npos) return {argument.substr(2), std::nullopt};
  return {argument.substr(2, equals - 2), argument.substr(equals + 1)};
}

/// Appends `text`, broken at blanks so that lines stay within the help's width and begin at its indent.
void append_wrapped(std::string& out, std::size_t column, const std::string& text) {
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (column + word.size() + 1 > kHelpWidth) {
      out += '\n' + std::string(kHelpIndent, ' ');
      column = kHelpIndent;
    } else if (column > kHelpIndent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  out += '\n';
}

void append_option(std::string& out, const std::string& head, const std::string& help) {
  std::string first = "  " + head + "  ";
  if (first.size() > kHelpIndent) {
    out += first.substr(0, first.size() - 2) + '\n';
    first.clear();
  }
  first.resize(kHelpIndent, ' ');
  out += first;
  append_wrapped(out, kHelpIndent, help);
}

std::string trimmed(const std::string& text) {
  const char* blanks = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(blanks);
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

}  // namespace

CommandLine::CommandLine(std::string program, std::string summary, std::vector<OptionGroup> groups)
    : program_(std::move(program)), summary_(std::move(summary)), groups_(std::move(groups)) {}

const Option& CommandLine::find(const std::string& written) const {
  const std::string name = plain(written);
  if (const Option* option = named(groups_, name)) return *option;
  std::vector<std::string> names;
  for (const OptionGroup& group : groups_) {
    for (const Option& option : group.options) names.push_back(plain(option.name));
  }
  const Option* closest = named(groups_, closest_name(name, names));
  throw OptionError("expected an option, got the unknown '--" + written + "'; " +
                    (closest ? "did you mean --" + closest->name + "?" : "--help lists all"));
}

bool CommandLine::is_fixed(const Option& option) const {
  return std::any_of(groups_.begin(), groups_.end(), [&](const OptionGroup& group) {
    const bool holds = std::any_of(group.options.begin(), group.options.end(),
                                   [&](const Option& candidate) { return &candidate == &option; });
    return holds && group.fixed;
  });
}

void CommandLine::take_files(std::string usage) {
  files_usage_ = std::move(usage);
}

void CommandLine::add_positional(const std::string& argument) {
  const bool dashed = !argument.empty() && argument[0] == '-';
  if (!files_usage_.empty()) {
    if (dashed || argument.empty()) {
      throw OptionError("expected " + files_usage_ + " or an option, got '" + argument + "'" +
                        (dashed ? "; a file of that name can be written as ./" + argument : ""));
    }
    files_.push_back(argument);
    return;
  }
  if (dashed || argument.find('=') == std::string::npos || argument[0] == '=') {
    throw OptionError("expected an option or an override a.b=c of the config, got '" + argument +
                      "'; a text of several words must stand in quotes");
  }
  overrides_.push_back(argument);
}

void CommandLine::parse(const std::vector<std::string>& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string argument = arguments[i] == "-h" ? "--help" : arguments[i];
    if (!looks_like_option(argument)) {
      add_positional(argument);
      continue;
    }
    auto [name, value] = split(argument);
    const Option& option = find(name);
    if (!value && option.is_switch()) value = "on";
    if (!value) {
      if (i + 1 == arguments.size() || looks_like_option(arguments[i + 1])) {
        throw OptionError("--" + option.name + ": expected a value (" + option.value + ") after it, got " +
                          (i + 1 == arguments.size() ? "none" : "the option '" + arguments[i + 1] + "'"));
      }
      value = arguments[++i];
    }
    option.set(*value);
    given_.insert(option.name);
  }
}

void CommandLine::parse_line(const std::string& line) {
  const std::string whole = trimmed(line);
  if (!looks_like_option(whole)) throw OptionError("expected '--name value', got '" + whole + "'");
  const std::size_t end = std::min(whole.find_first_of(" \t="), whole.size());
  const Option& option = find(whole.substr(2, end - 2));
  if (is_fixed(option)) {
    throw OptionError("--" + option.name +
                      ": expected an option that can change while the model is loaded, got one that is fixed "
                      "for the session");
  }
  const std::string value = end < whole.size() ? trimmed(whole.substr(end + 1)) : "";
  if (value.empty() && option.is_switch()) {
    option.set("on");
  } else if (end == whole.size()) {
    throw OptionError("--" + option.name + ": expected a value (" + option.value + ") after it, got none");
  } else {
    option.set(value);
  }
}

std::string CommandLine::help(const std::string& ending) const {
  const std::string others = files_usage_.empty() ? "[option...] [a.b=c...]" : files_usage_ + " [option...]";
  std::string out = "usage: " + program_ + " " + others + "\n\n" + summary_ + "\n";
  for (const OptionGroup& group : groups_) {
    out += '\n' + group.title + ":\n";
    for (const Option& option : group.options) {
      const std::string head = "--" + option.name + (option.is_switch() ? "" : " " + option.value);
      append_option(out, head,
                    option.help + (option.initial.empty() ? "" : " (default: " + option.initial + ")"));
    }
  }
  return out + '\n' + ending;
}

}  // namespace ldm::cli
