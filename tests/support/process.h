#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <sys/types.h>

namespace ldm::testing {

/// A program that a test starts, with its standard streams on pipes.
class Process {
 public:
  /// Starts `command[0]` with the rest as its arguments, in the folder `working_folder` (empty for ours).
  /// Throws std::runtime_error if that cannot be done.
  explicit Process(const std::vector<std::string>& command, const std::string& working_folder = "");
  /// Kills it if it still runs.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void write_input(const std::string& text);
  void close_input();
  void send_signal(int signal);

  /// Waits until the program has written `text` to standard error; false if it ends or 60 seconds pass first.
  bool wait_for_error(const std::string& text);
  /// Closes the input and waits for the end: the exit status, 128 + the signal that ended it, or -1 if it
  /// does not end within `seconds` and had to be killed.
  int wait(int seconds = 120);

  /// What it has written so far; after `wait`, all of it.
  std::string output() const { return text_of(output_); }
  std::string error() const { return text_of(error_); }

 private:
  struct Stream {
    int fd = -1;
    bool ended = false;
    std::string text;
    std::thread reader;
  };
  void read_all(Stream& stream);
  std::string text_of(const Stream& stream) const;
  void join();

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  pid_t pid_ = -1;
  int input_ = -1;
  Stream output_, error_;
};

/// What a program that ran to its end gave.
struct Outcome {
  int status = 0;
  std::string output, error;
};

/// Runs a program to its end with `input` as its standard input.
Outcome run_program(const std::vector<std::string>& command, const std::string& input = "",
                    const std::string& working_folder = "");

}  // namespace ldm::testing
