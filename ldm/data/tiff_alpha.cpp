#include "ldm/data/tiff_alpha.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace ldm::data {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::uint32_t kExtraSamples = 338, kShort = 3, kUnspecified = 0, kUnassociated = 2;
constexpr std::size_t kEntryBytes = 12;

/// Numbers of a TIFF, in the order of bytes that it has; 0 beyond its end.
class Tiff {
 public:
  Tiff(const std::string& bytes, bool big_endian) : bytes_(bytes), big_endian_(big_endian) {}

  std::uint32_t number(std::size_t at, std::size_t size) const {
    if (at > bytes_.size() || size > bytes_.size() - at) return 0;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      value = value << 8 | static_cast<std::uint8_t>(bytes_[at + (big_endian_ ? i : size - 1 - i)]);
    }
    return value;
  }

  /// Position of the word of the first image's only extra sample.
  std::optional<std::size_t> extra_sample() const {
    const std::size_t directory = number(4, 4), count = number(directory, 2);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t entry = directory + 2 + i * kEntryBytes;
      if (number(entry, 2) != kExtraSamples) continue;
      const bool one_word = number(entry + 2, 2) == kShort && number(entry + 4, 4) == 1;
      return one_word ? std::optional<std::size_t>(entry + 8) : std::nullopt;
    }
    return std::nullopt;
  }

 private:
  const std::string& bytes_;
  bool big_endian_;
};

}  // namespace

void keep_colours_under_alpha(std::string& bytes) {
  const std::string_view magic = std::string_view(bytes).substr(0, 4);
  const bool big_endian = magic == "MM\0*"sv;
  if (!big_endian && magic != "II*\0"sv) return;
  const Tiff tiff(bytes, big_endian);
  const std::optional<std::size_t> at = tiff.extra_sample();
  if (!at || tiff.number(*at, 2) != kUnassociated) return;
  bytes[*at] = bytes[*at + 1] = static_cast<char>(kUnspecified);
}

}  // namespace ldm::data
