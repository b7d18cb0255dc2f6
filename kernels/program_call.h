// A call of a native program: its function, and what that is given. The caller writes what changes
// and passes one address: Python takes 50 ns for each argument that it converts.
#ifndef GC_PROGRAM_CALL_H
#define GC_PROGRAM_CALL_H

#include <stdint.h>

// The function of templates/cpu/step.c.j2.
typedef void (*gc_program)(void* const*, const int*, const unsigned int*, uint64_t*, uint64_t*,
                           double*, int (*)(int));

struct gc_program_call {
  gc_program program;
  void* const* at;
  const int* size;
  const unsigned int* word;
  uint64_t* calls;
  uint64_t* status;
  double* seconds;
  int (*on_step)(int);
};

inline void gc_run_program(const gc_program_call& call) {
  call.program(call.at, call.size, call.word, call.calls, call.status, call.seconds, call.on_step);
}

#endif
