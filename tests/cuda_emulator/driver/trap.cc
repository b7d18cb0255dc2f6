#include "trap.h"

#include <signal.h>

#include "sanitizer.h"

namespace emulator {
namespace {

constexpr int kSignals[] = {SIGSEGV, SIGBUS};

char stack[64 << 10];
stack_t stack_before;
struct sigaction before[2];
void (*handler)(const void*);

void on_signal(int, siginfo_t* info, void*) { handler(info->si_addr); }

}  // namespace

Trap::Trap(void (*handle)(const void*)) {
  if (kSanitized) return;
  handler = handle;
  stack_t own{};
  own.ss_sp = stack;
  own.ss_size = sizeof stack;
  sigaltstack(&own, &stack_before);
  struct sigaction action{};
  action.sa_sigaction = on_signal;
  // Not blocked while it is handled, since it may not return.
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  for (int i = 0; i < 2; ++i) sigaction(kSignals[i], &action, &before[i]);
}

Trap::~Trap() {
  if (kSanitized) return;
  for (int i = 0; i < 2; ++i) sigaction(kSignals[i], &before[i], nullptr);
  sigaltstack(&stack_before, nullptr);
}

}  // namespace emulator
