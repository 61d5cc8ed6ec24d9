#include "ldm/cli/interrupts.h"

#include <csignal>
#include <cstring>

#include <unistd.h>

#include "ldm/cli/exit_status.h"

namespace ldm::cli {
namespace {

// A signal handler can reach nothing else.
volatile std::sig_atomic_t g_count = 0;
const char* g_notice = "";
bool g_second_aborts = true;
struct sigaction g_former;

void say(const char* text) {
  // Nothing could be done about a failure here.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text, std::strlen(text));
}

void on_interrupt(int) {
  g_count = g_count + 1;
  if (g_count == 1) {
    say(g_notice);
    return;
  }
  if (!g_second_aborts) return;
  say("\naborted\n");
  ::_exit(static_cast<int>(ExitStatus::interrupted));
}

}  // namespace

Interrupts::Interrupts(const char* notice, bool second_aborts) {
  g_notice = notice;
  g_second_aborts = second_aborts;
  g_count = 0;
  struct sigaction action {};
  action.sa_handler = &on_interrupt;
  action.sa_flags = SA_ONSTACK;  // checkpoint::use_signal_stack says why
  ::sigaction(SIGINT, &action, &g_former);
}

Interrupts::~Interrupts() {
  ::sigaction(SIGINT, &g_former, nullptr);
}

bool Interrupts::any() const {
  return g_count > 0;
}

void Interrupts::reset() {
  g_count = 0;
}

}  // namespace ldm::cli
