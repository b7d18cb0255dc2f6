// Products whose sums are long and whose result is small, as of a weight's gradient: the sum over
// all steps and samples of what went in times what came back.
//
// Both factors are walked along the sum once, and read where they lie: copied into panels, more
// memory would be written and read again than the result has. What is summed stays in the cache.
#ifndef GC_HOST_DEEP_H
#define GC_HOST_DEEP_H

#include "host_rows.h"

// c[rows][n] = (or +=, unless `first`) sum over i of a[i][rows] * b[i][n], for up to GC_DEEP of i;
// the rows of c lie `width` apart, a multiple of the vector's lanes.
template <typename T>
__attribute__((noinline)) static void gc_deep_product(int rows, int n, int k, const T* a,
                                                      ptrdiff_t a_step, const T* b,
                                                      ptrdiff_t b_step, T* c, int width,
                                                      bool first) {
  constexpr int lanes = gc_vector<T>::lanes;
  int from = 0;
  for (; from + 2 * lanes <= n; from += 2 * lanes) {
    gc_rows_panel<2, false, GC_FAR_RIGHT, T>(rows, k, a, a_step, b + from, b_step, c + from, width,
                                             first);
  }
  if (from == n) return;
  // What is no pair of vectors, with zeros beyond the end.
  const int rest = n - from;
  alignas(64) T panel[GC_DEEP * 2 * lanes];
  for (int i = 0; i < k; ++i) {
    for (int j = 0; j < 2 * lanes; ++j) {
      panel[i * 2 * lanes + j] = j < rest ? b[i * b_step + from + j] : T(0);
    }
  }
  if (rest > lanes) {
    gc_rows_panel<2, false, GC_FAR_RIGHT, T>(rows, k, a, a_step, panel, 2 * lanes, c + from, width,
                                             first);
  } else {
    gc_rows_panel<1, false, GC_FAR_RIGHT, T>(rows, k, a, a_step, panel, 2 * lanes, c + from, width,
                                             first);
  }
}

#endif
