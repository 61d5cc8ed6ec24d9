#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/pickle_value.h"

namespace ldm::checkpoint {

/// How far a pickle may go before it is refused. The defaults are ten times and more what the largest
/// training checkpoints of the field need. What a run takes of memory is bounded by them and by the length of
/// the pickle, and its time is proportional to that length.
struct PickleLimits {
  std::size_t values = std::size_t{1} << 22;  ///< values made, and places in containers
  std::size_t stack = std::size_t{1} << 20;   ///< values on the stack, and marks
  std::size_t memo = std::size_t{1} << 20;    ///< memo entries
  std::size_t depth = 500;                    ///< levels of nested containers
};

/// Thrown inside a pickle run by the machine, its cursor and its hooks; `run_pickle` adds the place and turns
/// it into a CheckpointError.
struct PickleRefusal {
  std::string what;
};

/// What a pickle's names mean. The machine itself knows plain data only and calls these for the rest; an
/// implementation must not run anything that the file names. All throw PickleRefusal to refuse.
class PickleHooks {
 public:
  virtual ~PickleHooks() = default;
  /// The value that stands for `module`.`name`.
  virtual Value* find_global(std::string_view module, std::string_view name) = 0;
  /// The value that Python would get from calling `callable` with the elements of the tuple `args`.
  virtual Value* call(const Value& callable, const Value& args) = 0;
  /// The value of a persistent id.
  virtual Value* load_persistent(const Value& id) = 0;
};

/// Reads one pickle of protocol 0 to 5, which begins at the first byte and may have other bytes behind it,
/// and gives its value, which lives in `arena`; the pickle's length in bytes goes to `length`. Nothing is
/// imported, called or run. An object's state (BUILD) is dropped, and so is what is appended to an inert
/// object. Refused are unknown opcodes, extension codes, out-of-band buffers, text persistent ids, lengths
/// that point out of `pickle`, and whatever the hooks or the limits refuse. Throws CheckpointError that
/// begins with `label` and names the byte of the opcode.
const Value* run_pickle(ByteView pickle, const std::string& label, PickleHooks& hooks, ValueArena& arena,
                        const PickleLimits& limits = {}, std::uint64_t* length = nullptr);

}  // namespace ldm::checkpoint
