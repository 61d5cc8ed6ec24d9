#pragma once

namespace ldm::cli {

/// While it lives, Ctrl-C (SIGINT) is counted instead of ending the program: the first asks for an end at the
/// next good moment, the second ends the process at once with status 130. A read from a terminal that the
/// first one meets fails. At most one object at a time; the destructor restores what was there before.
class Interrupts {
 public:
  /// `notice` is written to standard error at the first one; it must be a constant text.
  explicit Interrupts(const char* notice);
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  bool any() const;
  /// Forgets those that came so far.
  void reset();
};

}  // namespace ldm::cli
