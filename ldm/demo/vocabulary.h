#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace ldm::demo {

/// A thing that the demo model can draw.
struct Object {
  std::uint32_t code_point = 0;  ///< of the emoji that shows it
  std::string article;           ///< "a", "an", or empty as in "grapes"
  std::string noun;              ///< such as "hot dog"

  /// The noun with its article, and with an adjective between the two if there is one.
  std::string phrase(const std::string& adjective = "") const;
};

/// The colour of a background.
struct Colour {
  const char* name;
  std::array<std::uint8_t, 3> rgb;  ///< red, green, blue

  /// The name with its article: "a red", "an orange".
  std::string phrase() const;
};

/// All backgrounds.
const std::vector<Colour>& colours();

/// Reads a list of objects: in each line a code point in hexadecimal digits and the phrase that captions use,
/// such as "1F98A a fox"; empty lines and those that begin with # count for nothing.
/// Throws files::FileError, with file and line, for a line of another form, a noun that occurs twice, and a
/// file without objects.
std::vector<Object> read_objects(const std::string& path);

/// Whether this object is never trained on this background: one combination of ten, by a hash of the two
/// names (FNV-1a, 64 bits), so that it is the same whatever else is in the list.
bool is_held_out(const Object& object, const Colour& colour);

}  // namespace ldm::demo
