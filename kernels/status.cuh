// A function's sticky status word: which check failed first.
//
// All ones while everything is fine; else (number of the check) << 40 | position. The smallest word
// wins, whichever thread comes first, so the failure that is reported is the same in each run.
#ifndef GC_STATUS_CUH
#define GC_STATUS_CUH

#include "platform.h"

#define GC_STATUS_FINE 0xFFFFFFFFFFFFFFFFull
#define GC_STATUS_POSITION_BITS 40

GC_DEVICE void gc_fail(gc_uint64* status, unsigned int check, gc_uint64 position) {
  const gc_uint64 last = (1ull << GC_STATUS_POSITION_BITS) - 1;
  const gc_uint64 word = (gc_uint64)check << GC_STATUS_POSITION_BITS
                         | (position < last ? position : last);
#ifdef __CUDACC__
  atomicMin(status, word);
#else
#ifdef _OPENMP
#pragma omp critical(gc_status)
#endif
  if (word < *status) *status = word;
#endif
}

// Whether no check has failed: a parameter is stored only then. A plain load, which the cache of
// each multiprocessor serves: one that goes to memory each time, from every warp to the same word,
// would take longer than the parameters do. What could fail has been tested by launches that are
// over: a kernel that writes parameters tests nothing new (graphc/compiler/lowering/placing.py).
GC_DEVICE bool gc_ok(const gc_uint64* status) { return *status == GC_STATUS_FINE; }

// The index, if it is 0 to size - 1; else check number `check` fails at `position` (of the indices,
// in C order) and the nearest index that exists stands in (0 where none does: read nothing there).
template <typename T>
GC_DEVICE T gc_check_index(gc_uint64* status, unsigned int check, gc_uint64 position, T index,
                           gc_int64 size) {
  if ((gc_int64)index >= 0 && (gc_int64)index < size) return index;
  gc_fail(status, check, position);
  return (gc_int64)index < 0 || size == 0 ? T(0) : (T)(size - 1);
}

#endif
