#pragma once

#include <stdexcept>

namespace ldm::cli {

/// Thrown by work that ends because of Ctrl-C.
class Interrupted : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// While it lives, Ctrl-C (SIGINT) is counted instead of ending the program: the first asks for an end at the
/// next good moment, the second ends the process at once with status 130, unless the program says that good
/// moments come soon. A read from a terminal that the first one meets fails. At most one object at a time;
/// the destructor restores what was there before.
class Interrupts {
 public:
  /// `notice` is written to standard error at the first one; it must be a constant text.
  /// Without `second_aborts` further ones change nothing.
  explicit Interrupts(const char* notice, bool second_aborts = true);
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  bool any() const;
  /// Forgets those that came so far.
  void reset();
};

}  // namespace ldm::cli
