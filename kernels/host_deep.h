// Products whose sums are long and whose result is small, as of a weight's gradient: the sum over
// all steps and samples of what went in times what came back.
//
// Both factors are walked along the sum once, and read where they lie: copied into panels, more
// memory would be written and read again than the result has. What is summed stays in the cache.
#ifndef GC_HOST_DEEP_H
#define GC_HOST_DEEP_H

#include "host_rows.h"

// Bytes of factors that a core's cache still holds when they are summed.
#define GC_CACHED (1 << 20)

// c[rows][n] = (or +=, unless `first`) sum over i of a[i][rows] * b[i][n], for up to GC_DEEP of i;
// the rows of c lie n, filled up, apart.
template <int n, gc_far far, typename T>
__attribute__((noinline)) static void gc_deep_part(int rows, int k, const T* a, ptrdiff_t a_step,
                                                   const T* b, ptrdiff_t b_step, T* c, bool first) {
  constexpr int pair = 2 * gc_vector<T>::lanes, pairs = n / pair * pair, rest = n - pairs;
  constexpr int width = gc_filled<T>(n);
  for (int from = 0; from < pairs; from += pair) {
    gc_rows_panel<pair, false, far, T>(rows, k, a, a_step, b + from, b_step, c + from, width,
                                       first);
  }
  if constexpr (rest > 0) {  // with zeros beyond the end
    constexpr int wide = width - pairs;
    alignas(64) T panel[GC_DEEP * wide];
    for (int i = 0; i < k; ++i) {
      for (int j = 0; j < wide; ++j) {
        panel[i * wide + j] = j < rest ? b[i * b_step + pairs + j] : T(0);
      }
    }
    gc_rows_panel<wide, false, GC_NEAR, T>(rows, k, a, a_step, panel, wide, c + pairs, width,
                                           first);
  }
}

// The same of the terms from `start` on of a sum of `terms`.
template <int n, typename T>
inline void gc_deep_product(int rows, int start, int terms, const T* a, ptrdiff_t a_step,
                            const T* b, ptrdiff_t b_step, T* c) {
  const int k = terms - start < GC_DEEP ? terms - start : GC_DEEP;
  const bool cached = (gc_int64)terms * (a_step + b_step) * sizeof(T) <= GC_CACHED;
  (cached ? gc_deep_part<n, GC_NEAR, T> : gc_deep_part<n, GC_FAR_RIGHT, T>)(
      rows, k, a + start * a_step, a_step, b + start * b_step, b_step, c, start == 0);
}

#endif
