#include "ldm/cli/training_signals.h"

#include <csignal>
#include <cstring>

#include <unistd.h>

#include "ldm/cli/exit_status.h"

namespace ldm::cli {
namespace {

// A signal handler can reach nothing else.
volatile std::sig_atomic_t g_stops = 0;
volatile std::sig_atomic_t g_checkpoints = 0;
struct sigaction g_former_interrupt, g_former_term, g_former_user;

void say(const char* text) {
  // Nothing could be done about a failure here.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text, std::strlen(text));
}

void on_stop(int signal) {
  g_stops = g_stops + 1;
  if (g_stops == 1) {
    say("\nsaving and stopping after this step; Ctrl-C again to abort without saving\n");
  } else if (signal == SIGINT) {
    say("\naborted\n");
    ::_exit(static_cast<int>(ExitStatus::interrupted));
  }
}

void on_checkpoint(int) {
  g_checkpoints = 1;
}

void handle(int signal, void (*handler)(int), struct sigaction& former) {
  struct sigaction action {};
  action.sa_handler = handler;
  // A checkpoint that is being written is finished; checkpoint::use_signal_stack says why the other.
  action.sa_flags = SA_RESTART | SA_ONSTACK;
  ::sigaction(signal, &action, &former);
}

}  // namespace

TrainingSignals::TrainingSignals() {
  g_stops = 0;
  g_checkpoints = 0;
  handle(SIGINT, &on_stop, g_former_interrupt);
  handle(SIGTERM, &on_stop, g_former_term);
  handle(SIGUSR1, &on_checkpoint, g_former_user);
}

TrainingSignals::~TrainingSignals() {
  ::sigaction(SIGINT, &g_former_interrupt, nullptr);
  ::sigaction(SIGTERM, &g_former_term, nullptr);
  ::sigaction(SIGUSR1, &g_former_user, nullptr);
}

bool TrainingSignals::wants_to_stop() const {
  return g_stops > 0;
}

bool TrainingSignals::take_checkpoint_request() {
  const bool asked = g_checkpoints != 0;
  g_checkpoints = 0;
  return asked;
}

}  // namespace ldm::cli
