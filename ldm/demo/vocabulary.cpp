#include "ldm/demo/vocabulary.h"

#include <set>
#include <sstream>

#include "ldm/files/error.h"
#include "ldm/files/input_file.h"
#include "ldm/files/text.h"

namespace ldm::demo {
namespace {

constexpr std::uint64_t kMaxListBytes = 1 << 20;
constexpr std::uint64_t kHeldOutOneOf = 10;

bool starts_with_vowel(const std::string& word) {
  return !word.empty() && std::string("aeiou").find(word.front()) != std::string::npos;
}

/// Splits "an owl" into its article and the rest.
void set_phrase(Object& object, const std::string& phrase) {
  for (const char* article : {"a ", "an "}) {
    if (phrase.rfind(article, 0) != 0) continue;
    object.noun = phrase.substr(std::string(article).size());
    object.article = std::string(article, std::string(article).size() - 1);
    return;
  }
  object.noun = phrase;
}

Object parse_object(const std::string& line, const std::string& where) {
  const std::size_t space = line.find(' ');
  const std::string digits = line.substr(0, space);
  const bool is_number = digits.size() >= 2 && digits.size() <= 6 &&
                         digits.find_first_not_of("0123456789ABCDEFabcdef") == std::string::npos;
  Object object;
  if (is_number && space != std::string::npos) {
    object.code_point = static_cast<std::uint32_t>(std::stoul(digits, nullptr, 16));
    set_phrase(object, line.substr(space + 1));
  }
  if (object.noun.empty() || object.noun.front() == ' ') {
    throw files::FileError(where + ": expected a code point and a phrase, such as '1F98A a fox', got '" +
                           files::printable(line) + "'");
  }
  return object;
}

std::uint64_t fnv1a(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char byte : text) {
    hash ^= static_cast<unsigned char>(byte);
    hash *= 0x100000001b3;
  }
  return hash;
}

}  // namespace

std::string Object::phrase(const std::string& adjective) const {
  if (adjective.empty()) return article.empty() ? noun : article + " " + noun;
  const std::string words = adjective + " " + noun;
  if (article.empty()) return words;
  return (starts_with_vowel(adjective) ? "an " : "a ") + words;
}

std::string Colour::phrase() const {
  return (starts_with_vowel(name) ? "an " : "a ") + std::string(name);
}

const std::vector<Colour>& colours() {
  static const std::vector<Colour> all{
      {"white", {250, 250, 250}}, {"black", {20, 20, 22}},         {"red", {205, 40, 40}},
      {"orange", {240, 140, 40}}, {"yellow", {250, 220, 70}},      {"green", {50, 150, 70}},
      {"blue", {40, 75, 190}},    {"light blue", {140, 205, 245}}, {"purple", {120, 55, 160}},
      {"pink", {245, 155, 195}},  {"brown", {115, 70, 40}},        {"gray", {140, 140, 140}}};
  return all;
}

std::vector<Object> read_objects(const std::string& path) {
  std::istringstream lines(files::read_file(path, "a list of objects", kMaxListBytes));
  std::vector<Object> objects;
  std::set<std::string> nouns;
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty() || line.front() == '#') continue;
    const std::string where = path + ", line " + std::to_string(number);
    objects.push_back(parse_object(line, where));
    if (!nouns.insert(objects.back().noun).second) {
      throw files::FileError(where + ": expected each object once, got a second '" +
                             files::printable(objects.back().noun) + "'");
    }
  }
  if (objects.empty()) throw files::FileError(path + ": expected objects, one in each line, got none");
  return objects;
}

bool is_held_out(const Object& object, const Colour& colour) {
  // The lower bits of FNV-1a depend on little more than the last letters.
  return (fnv1a(object.noun + "|" + colour.name) >> 32) % kHeldOutOneOf == 0;
}

}  // namespace ldm::demo
