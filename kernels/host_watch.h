// Watching the kernels of a native program while they run, where somebody asks for it.
#ifndef GC_HOST_WATCH_H
#define GC_HOST_WATCH_H

#include <time.h>
#include "openmp.h"

// Nothing is inlined but the tests: a step has thousands of calls of these between its kernels, and
// what the compiler's optimiser needs grows with the branches of one function faster than linearly.
class gc_watch {
 public:
  // `seconds`, of each of so many kernels, by its number, all its calls added up, and behind them
  // of the whole program; null where nobody asks. `told` is told of each step that is done, and
  // what is not zero ends the program; null where nobody is.
  gc_watch(double* seconds, int kernels, int (*told)(int))
      : seconds(seconds), kernels(kernels), told(told), start(seconds ? now() : 0), last(start) {}
  gc_watch(const gc_watch&) = delete;
  ~gc_watch() {
    if (seconds) seconds[kernels] += now() - start;
  }

  // A kernel has begun; of those that follow each other, the next one begins as the one ends.
  __attribute__((noinline)) void begins() noexcept {
    if (seconds && omp_get_thread_num() == 0) last = now();
  }

  // A kernel has ended. Where threads share a loop, each calls kernels: the first one's time is
  // taken.
  __attribute__((noinline)) void ends(int kernel) noexcept {
    if (!seconds || omp_get_thread_num() != 0) return;
    seconds[kernel] += now() - last;
    last = now();
  }

  // A step has ended; returns whether the program has to end, too.
  __attribute__((noinline)) bool stops(int step) noexcept {
    const bool stop = told && told(step) != 0;
    if (seconds) last = now();
    return stop;
  }

  // A kernel has ended that is a step by itself; returns as `stops`.
  __attribute__((noinline)) bool stops(int kernel, int step) noexcept {
    ends(kernel);
    return stops(step);
  }

 private:
  static double now() noexcept {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
  }

  double* const seconds;
  const int kernels;
  int (*const told)(int);
  const double start;
  double last;  // when the latest kernel ended
};

#endif
