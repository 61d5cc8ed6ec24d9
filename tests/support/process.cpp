#include "tests/support/process.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>

namespace ldm::testing {
namespace {

constexpr std::chrono::seconds kLongestWait{60};

struct Pipe {
  int read = -1, write = -1;
};

Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("expected a pipe, got none");
  return {ends[0], ends[1]};
}

/// In the child: becomes the program, or ends with status 127.
[[noreturn]] void become(const std::vector<std::string>& command, const std::string& folder, int input,
                         int output, int error) {
  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const bool placed = folder.empty() || ::chdir(folder.c_str()) == 0;
  if (placed && ::dup2(input, 0) >= 0 && ::dup2(output, 1) >= 0 && ::dup2(error, 2) >= 0) {
    ::execv(arguments[0], arguments.data());
  }
  ::_exit(127);
}

}  // namespace

Process::Process(const std::vector<std::string>& command, const std::string& working_folder) {
  std::signal(SIGPIPE, SIG_IGN);  // a program may end before it has read its input
  const Pipe in = make_pipe(), out = make_pipe(), err = make_pipe();
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("expected a new process, got none");
  if (pid_ == 0) become(command, working_folder, in.read, out.write, err.write);
  for (const int end : {in.read, out.write, err.write}) ::close(end);
  input_ = in.write;
  output_.fd = out.read;
  error_.fd = err.read;
  output_.reader = std::thread([this] { read_all(output_); });
  error_.reader = std::thread([this] { read_all(error_); });
}

Process::~Process() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  join();
}

void Process::join() {
  close_input();
  for (Stream* stream : {&output_, &error_}) {
    if (stream->reader.joinable()) stream->reader.join();
    if (stream->fd >= 0) ::close(stream->fd);
    stream->fd = -1;
  }
}

void Process::read_all(Stream& stream) {
  char bytes[4096];
  for (ssize_t count = 0; (count = ::read(stream.fd, bytes, sizeof bytes)) > 0;) {
    const std::lock_guard lock(mutex_);
    stream.text.append(bytes, static_cast<std::size_t>(count));
    changed_.notify_all();
  }
  const std::lock_guard lock(mutex_);
  stream.ended = true;
  changed_.notify_all();
}

void Process::write_input(const std::string& text) {
  // Shorter than a pipe's buffer in every test, so that it cannot block.
  [[maybe_unused]] const ssize_t written = ::write(input_, text.data(), text.size());
}

void Process::close_input() {
  if (input_ >= 0) ::close(input_);
  input_ = -1;
}

void Process::send_signal(int signal) {
  ::kill(pid_, signal);
}

bool Process::wait_for_error(const std::string& text) {
  std::unique_lock lock(mutex_);
  const auto there = [&] { return error_.text.find(text) != std::string::npos; };
  changed_.wait_for(lock, kLongestWait, [&] { return there() || error_.ended; });
  return there();
}

int Process::wait(int seconds) {
  close_input();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  {
    // The streams end with the program.
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, deadline, [&] { return output_.ended && error_.ended; });
    if (!output_.ended || !error_.ended) ::kill(pid_, SIGKILL);
  }
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  join();
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  return WTERMSIG(status) == SIGKILL ? -1 : 128 + WTERMSIG(status);
}

std::string Process::text_of(const Stream& stream) const {
  const std::lock_guard lock(mutex_);
  return stream.text;
}

Outcome run_program(const std::vector<std::string>& command, const std::string& input,
                    const std::string& working_folder) {
  Process process(command, working_folder);
  process.write_input(input);
  const int status = process.wait();
  return {status, process.output(), process.error()};
}

}  // namespace ldm::testing
