#pragma once

#include <functional>
#include <ostream>
#include <string>

#include "ldm/cli/progress_text.h"
#include "ldm/pipelines/generation.h"

namespace ldm::cli {

/// Where a program talks: what is going on to one stream, the names of the files it wrote to another.
struct Console {
  std::ostream& talk;                             ///< standard error
  std::ostream& results;                          ///< standard output
  bool is_terminal = false;                       ///< whether `talk` is one: then progress is a bar, redrawn
  std::function<std::size_t()> terminal_columns;  ///< asked for each bar
};

/// The process's own console.
Console standard_console();

/// Tells a person at a console of a run.
class ConsoleReporter : public GenerationObserver {
 public:
  /// `interrupted` is asked between two batches: true ends the run there.
  ConsoleReporter(Console console, std::string program, std::function<bool()> interrupted);

  bool progress(const GenerationProgress& progress) override;
  bool wants_to_stop() override { return interrupted_(); }
  void truncated(const std::string& prompt, const std::string& unseen) override;
  void warning(const std::string& text) override;
  /// On a terminal a line that the next one, or anything said, takes the place of; elsewhere nothing.
  void draw(const std::string& line);
  /// The name of a file that is done.
  void written(const std::string& path);
  /// Lines of talk, the first with the program's name before it, the rest indented.
  void say(const std::string& text);

 private:
  void clear_bar();

  Console console_;
  std::string program_;
  std::function<bool()> interrupted_;
  StepClock clock_;
  bool bar_shown_ = false;
};

}  // namespace ldm::cli
