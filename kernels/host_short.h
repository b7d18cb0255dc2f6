// Products of many rows by a matrix of few columns, with short sums, as of a weight's gradient over
// a small batch: what goes in lies feature after feature, and to pack it takes a third of the time
// of multiplying it.
#ifndef GC_HOST_SHORT_H
#define GC_HOST_SHORT_H

#include "host_rows.h"

#define GC_SHORT 32  // terms whose lines are all at hand while a few rows are multiplied

// The elements of c: its last row may be written beyond its end.
template <int n, typename T> inline size_t gc_short_size(size_t rows) {
  return rows * n + 64 / sizeof(T);
}

// c[rows][n] = sum over i of a[i][rows] * b[i][n] for the panels of b (gc_gemm_right).
template <int n, typename T>
inline void gc_short_product(int rows, int k, const T* a, ptrdiff_t a_step, const T* right, T* c) {
  if (k == 0 || k > GC_SHORT) {
    gc_gemm_panels<T>(rows, n, k, a, 1, a_step, right, c, n);
    return;
  }
  constexpr int pair = gc_panel_columns<T>(), pairs = n / pair * pair, rest = n - pairs;
  constexpr int line = 64 / sizeof(T);
  for (int top = 0; top < rows; top += line) {
    const int high = rows - top < line ? rows - top : line;
    const T* left = a + top;
    T* to = c + (size_t)top * n;
    for (int i = 0; i < k; ++i) __builtin_prefetch(left + 4 * line + i * a_step);
    // First, as its zeros beyond the end fall on the next row.
    if constexpr (rest > 0) {
      gc_rows_panel<gc_filled<T>(rest), false, GC_NEAR, T>(
          high, k, left, a_step, right + (size_t)pairs * k, pair, to + pairs, n, true);
    }
    for (int from = 0; from < pairs; from += pair) {
      gc_rows_panel<pair, false, GC_NEAR, T>(high, k, left, a_step, right + (size_t)from * k, pair,
                                             to + from, n, true);
    }
  }
}

#endif
