#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace ldm::cli {

/// One option of a program: how it is spelled, what it means, and where its value goes. Made by the functions
/// below, each of which ties an option to a variable and takes the variable's present value as the default.
struct Option {
  std::string name;     ///< as the reference spells it, without the dashes: "ddim_steps", "from-file"
  std::string value;    ///< what the help calls its value, such as "N"; empty for a switch
  std::string initial;  ///< the default as text; empty for none
  std::string help;
  /// Checks a value and stores it. Throws OptionError: "--NAME: expected ..., got '...'". A switch takes
  /// "on" and "off".
  std::function<void(const std::string& text)> set;

  bool is_switch() const { return value.empty(); }
};

/// Options that belong together, under a title in the help.
struct OptionGroup {
  std::string title;
  std::vector<Option> options;
  bool fixed = false;  ///< in an interactive session its options cannot change any more
};

/// The whole numbers or reals from `least` to `most`, both included.
struct IntegerRange {
  std::int64_t least, most;
};
struct RealRange {
  double least, most;
};

/// The option writes to `variable`, which must outlive it.
Option integer(const std::string& name, std::int64_t& variable, IntegerRange range, const std::string& help);
Option real(const std::string& name, double& variable, RealRange range, const std::string& help);
/// Any text, the empty one too. `value` is what the help calls it.
Option text(const std::string& name, const std::string& value, std::string& variable,
            const std::string& help);
/// Any text, as often as it is given: each is appended.
Option list(const std::string& name, const std::string& value, std::vector<std::string>& variable,
            const std::string& help);
/// One of `choices`.
Option choice(const std::string& name, std::string& variable, const std::vector<std::string>& choices,
              const std::string& help);
/// A switch: off unless it is named.
Option flag(const std::string& name, bool& variable, const std::string& help);

}  // namespace ldm::cli
