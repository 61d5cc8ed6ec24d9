#include "ldm/checkpoint/pickle_cursor.h"

#include <cstring>
#include <string>

#include "ldm/checkpoint/pickle_machine.h"

namespace ldm::checkpoint {

double PickleCursor::big_endian_double() {
  const std::uint64_t bits = __builtin_bswap64(number<std::uint64_t>());
  double value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

std::string_view PickleCursor::take(std::uint64_t count) {
  require(count);
  const std::string_view text = bytes_.slice(at_, count).text();
  at_ += count;
  return text;
}

std::string_view PickleCursor::line() {
  const std::string_view rest = bytes_.text().substr(at_);
  const std::size_t length = rest.find('\n');
  if (length == std::string_view::npos) {
    throw PickleRefusal{"expected a line, got the end of the pickle: the file is cut short or damaged"};
  }
  at_ += length + 1;
  return rest.substr(0, length);
}

void PickleCursor::require(std::uint64_t count) const {
  if (bytes_.holds(at_, count)) return;
  throw PickleRefusal{"expected " + std::to_string(count) + " bytes, got the end of the pickle after " +
                      std::to_string(bytes_.size - at_) + ": the file is cut short or damaged"};
}

void PickleCursor::refuse_negative() {
  throw PickleRefusal{"expected a length, got a negative number"};
}

}  // namespace ldm::checkpoint
