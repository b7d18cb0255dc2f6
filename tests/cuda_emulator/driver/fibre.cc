#include "fibre.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <new>

#include "sanitizer.h"

#ifndef __x86_64__
#error "the emulated driver runs on x86_64 only: write emulator_switch for this processor"
#endif

// void emulator_switch(void** save, void* load): swapcontext costs 20 times as much, for it asks
// the kernel about signals. Callee-saved registers go on the stack that is left.
extern "C" void emulator_switch(void** save, void* load);
asm(R"(
.text
.hidden emulator_switch
.globl emulator_switch
.type emulator_switch, @function
emulator_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size emulator_switch, .-emulator_switch
)");

namespace emulator {
namespace {

// Sanitizers make frames several times as large.
constexpr size_t kStack = kSanitized ? 512 << 10 : 128 << 10;
constexpr int kSavedRegisters = 6;

Fibre* current = nullptr;

size_t page() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

}  // namespace

Fibre::Fibre() {
  void* memory = mmap(nullptr, page() + kStack, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  memory_ = static_cast<char*>(memory);
  mprotect(memory_, page(), PROT_NONE);
}

Fibre::~Fibre() { munmap(memory_, page() + kStack); }

void Fibre::start(void (*main)(void*), void* argument) {
  main_ = main;
  argument_ = argument;
  unpoison(memory_ + page(), kStack);  // frames of a fibre that was dropped half way
  auto* top = reinterpret_cast<void**>(memory_ + page() + kStack);
  top[-1] = nullptr;  // where enter() would return to; it keeps the stack aligned for a call
  top[-2] = reinterpret_cast<void*>(&Fibre::enter);
  for (int i = 0; i < kSavedRegisters; ++i) top[-3 - i] = nullptr;
  stack_pointer_ = top - 2 - kSavedRegisters;
  own_fake_stack_ = nullptr;
}

void Fibre::resume() {
  current = this;
  start_switch(&scheduler_fake_stack_, memory_ + page(), kStack);
  emulator_switch(&scheduler_, stack_pointer_);
  finish_switch(scheduler_fake_stack_, nullptr, nullptr);
}

void Fibre::enter() {
  Fibre* self = current;
  finish_switch(nullptr, &self->scheduler_bottom_, &self->scheduler_bytes_);
  self->main_(self->argument_);
  abort();  // main ends with leave()
}

void Fibre::pause() {
  start_switch(&own_fake_stack_, scheduler_bottom_, scheduler_bytes_);
  emulator_switch(&stack_pointer_, scheduler_);
  finish_switch(own_fake_stack_, &scheduler_bottom_, &scheduler_bytes_);
}

bool Fibre::in_guard_page(const void* address) const {
  return address >= memory_ && address < memory_ + page();
}

void Fibre::leave() {
  start_switch(nullptr, scheduler_bottom_, scheduler_bytes_);
  emulator_switch(&stack_pointer_, scheduler_);
  abort();  // start() comes before the next resume()
}

}  // namespace emulator
