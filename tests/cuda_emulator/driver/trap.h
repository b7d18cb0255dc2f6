// Turns a signal that device code raises into a failure of the launch.
#ifndef EMULATOR_TRAP_H
#define EMULATOR_TRAP_H

namespace emulator {

// While one lives, SIGSEGV and SIGBUS call `handle` with the address, on a stack of its own; it may
// leave by switching to another stack. AddressSanitizer keeps its own handler.
class Trap {
 public:
  explicit Trap(void (*handle)(const void* address));
  ~Trap();
  Trap(const Trap&) = delete;
  Trap& operator=(const Trap&) = delete;
};

}  // namespace emulator
#endif
