#include "ldm/cli/option.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

#include "ldm/pipelines/generation_options.h"

namespace ldm::cli {
namespace {

constexpr double kUnbounded = 1e15;

[[noreturn]] void refuse(const std::string& name, const std::string& expected, const std::string& got) {
  throw OptionError("--" + name + ": expected " + expected + ", got '" + got + "'");
}

std::string number_text(double number) {
  std::ostringstream text;
  text << number;
  return text.str();
}

/// The whole of `text` as a number of that type.
template <typename Number>
bool parse_number(const std::string& text, Number& number) {
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && rest == end && !text.empty();
}

std::string describe(RealRange range) {
  if (range.least <= -kUnbounded && range.most >= kUnbounded) return "a number";
  if (range.most >= kUnbounded) return "a number from " + number_text(range.least) + " up";
  return "a number from " + number_text(range.least) + " to " + number_text(range.most);
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool last = i + 1 == words.size();
    text += (i == 0 ? "" : last ? " or " : ", ") + words[i];
  }
  return text;
}

}  // namespace

Option integer(const std::string& name, std::int64_t& variable, IntegerRange range, const std::string& help) {
  const auto set = [name, &variable, range](const std::string& text) {
    std::int64_t number = 0;
    if (!parse_number(text, number) || number < range.least || number > range.most) {
      refuse(name, "an integer from " + std::to_string(range.least) + " to " + std::to_string(range.most),
             text);
    }
    variable = number;
  };
  return {name, "N", std::to_string(variable), help, set};
}

Option real(const std::string& name, double& variable, RealRange range, const std::string& help) {
  const auto set = [name, &variable, range](const std::string& text) {
    double number = 0;
    if (!parse_number(text, number) || !std::isfinite(number) || number < range.least ||
        number > range.most) {
      refuse(name, describe(range), text);
    }
    variable = number;
  };
  return {name, "X", number_text(variable), help, set};
}

Option text(const std::string& name, const std::string& value, std::string& variable,
            const std::string& help) {
  const auto set = [&variable](const std::string& given) { variable = given; };
  return {name, value, variable, help, set};
}

Option list(const std::string& name, const std::string& value, std::vector<std::string>& variable,
            const std::string& help) {
  return {name, value, "", help, [&variable](const std::string& given) { variable.push_back(given); }};
}

Option choice(const std::string& name, std::string& variable, const std::vector<std::string>& choices,
              const std::string& help) {
  const auto set = [name, &variable, choices](const std::string& given) {
    if (std::find(choices.begin(), choices.end(), given) == choices.end()) {
      refuse(name, join(choices), given);
    }
    variable = given;
  };
  std::string value;
  for (const std::string& word : choices) value += (value.empty() ? "" : "|") + word;
  return {name, value, variable, help, set};
}

Option flag(const std::string& name, bool& variable, const std::string& help) {
  const auto set = [name, &variable](const std::string& given) {
    if (given != "on" && given != "off") refuse(name, "on or off", given);
    variable = given == "on";
  };
  return {name, "", "", help, set};
}

}  // namespace ldm::cli
