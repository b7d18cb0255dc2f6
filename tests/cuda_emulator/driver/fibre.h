// A stack of its own for each thread of a block.
#ifndef EMULATOR_FIBRE_H
#define EMULATOR_FIBRE_H

#include <stddef.h>

namespace emulator {

class Fibre {
 public:
  Fibre();  // throws std::bad_alloc without memory
  ~Fibre();
  Fibre(const Fibre&) = delete;
  Fibre& operator=(const Fibre&) = delete;

  // The next resume() calls main(argument), which ends with leave(). What ran before is dropped.
  void start(void (*main)(void*), void* argument);
  void resume();  // from the scheduler, until the fibre's next pause() or leave()
  void pause();   // from the fibre
  [[noreturn]] void leave();
  bool in_guard_page(const void* address) const;

 private:
  static void enter();

  char* memory_;  // a guard page, then the stack
  void* stack_pointer_ = nullptr;
  void* scheduler_ = nullptr;
  void (*main_)(void*) = nullptr;
  void* argument_ = nullptr;
  // For AddressSanitizer, which has to know which stack is in use.
  void* own_fake_stack_ = nullptr;
  void* scheduler_fake_stack_ = nullptr;
  const void* scheduler_bottom_ = nullptr;
  size_t scheduler_bytes_ = 0;
};

}  // namespace emulator
#endif
