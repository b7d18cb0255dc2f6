// The rows that each thread takes through all steps of a loop.
#ifndef GC_HOST_ROWS_H
#define GC_HOST_ROWS_H

#include "openmp.h"
#include "platform.h"

// The rows, from `begin` to `end`, of this thread of its team, of `count` in all: whole groups of
// four, about as many for each.
inline void gc_share(int count, int* begin, int* end) {
  const gc_int64 groups = ((gc_int64)count + 3) / 4;
  const gc_int64 thread = omp_get_thread_num(), threads = omp_get_num_threads();
  const gc_int64 from = groups * thread / threads * 4, to = groups * (thread + 1) / threads * 4;
  *begin = from < count ? (int)from : count;
  *end = to < count ? (int)to : count;
}

#endif
