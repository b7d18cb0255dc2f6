// Watching the kernels of a native program while they run, where somebody asks for it.
#ifndef GC_HOST_WATCH_H
#define GC_HOST_WATCH_H

#include <time.h>
#include "openmp.h"

struct gc_watch {
  // Of each kernel, by its number, all its calls added up; null where none is timed.
  double* seconds;
  // Is told of each step that is done; what is not zero ends the program. Null where nobody is.
  int (*told)(int);

  template <typename Kernel> void run(int number, const Kernel& kernel) const {
    const double start = seconds ? now() : 0;
    kernel();
    if (seconds) took(number, start);
  }

  bool stops(int step) const { return told && told(step) != 0; }

 private:
  // Where threads share a loop, each calls kernels: the first one's time is taken.
  __attribute__((noinline)) void took(int number, double start) const {
    if (omp_get_thread_num() != 0) return;
    seconds[number] += now() - start;
  }

  __attribute__((noinline)) static double now() {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
  }
};

#endif
