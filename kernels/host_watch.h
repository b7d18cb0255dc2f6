// Watching the kernels of a native program while they run, where somebody asks for it.
#ifndef GC_HOST_WATCH_H
#define GC_HOST_WATCH_H

#include <time.h>
#include "openmp.h"

class gc_watch {
 public:
  // `seconds`, of each of so many kernels, by its number, all its calls added up, and behind them
  // of the whole program; null where nobody asks. `told` is told of each step that is done, and
  // what is not zero ends the program; null where nobody is.
  gc_watch(double* seconds, int kernels, int (*told)(int))
      : seconds(seconds), kernels(kernels), told(told), start(seconds ? now() : 0) {}
  gc_watch(const gc_watch&) = delete;
  ~gc_watch() {
    if (seconds) took(kernels, start);
  }

  template <typename Kernel> void run(int number, const Kernel& kernel) const noexcept {
    const double start = seconds ? now() : 0;
    kernel();
    if (seconds) took(number, start);
  }

  bool stops(int step) const noexcept { return told && told(step) != 0; }

 private:
  // Where threads share a loop, each calls kernels: the first one's time is taken.
  __attribute__((noinline)) void took(int number, double start) const noexcept {
    if (omp_get_thread_num() != 0) return;
    seconds[number] += now() - start;
  }

  __attribute__((noinline)) static double now() noexcept {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
  }

  double* const seconds;
  const int kernels;
  int (*const told)(int);
  const double start;
};

#endif
