// Products of rows by a panel of columns, and the rows that each thread takes through all steps of
// a loop.
//
// A panel has up to two vectors of columns: k after k the columns of a row, wherever they are. The
// rows are read where they are: they are too few for copying to pay. The sums of a tile's rows and
// columns are held in registers. The order of each sum depends on k alone.
#ifndef GC_HOST_ROWS_H
#define GC_HOST_ROWS_H

#include "openmp.h"
#include "host_vector.h"

#define GC_AHEAD 128  // terms behind those that are multiplied, whose lines are fetched

#if defined(__AVX512F__)
#define GC_ROWS 8
#else
#define GC_ROWS 4
#endif

// Columns of a panel that are filled up: whole vectors, perhaps half a one.
template <typename T, int width> struct gc_columns {
  static constexpr int lanes = gc_vector<T>::lanes;
  static constexpr int whole = width / lanes;
  static constexpr bool half = width % lanes != 0;
};

// The rows, from `begin` to `end`, of this thread of its team, of `count` in all: whole groups of
// four, about as many for each.
inline void gc_share(int count, int* begin, int* end) {
  const gc_int64 groups = ((gc_int64)count + 3) / 4;
  const gc_int64 thread = omp_get_thread_num(), threads = omp_get_num_threads();
  const gc_int64 from = groups * thread / threads * 4, to = groups * (thread + 1) / threads * 4;
  *begin = from < count ? (int)from : count;
  *end = to < count ? (int)to : count;
}

// What is summed soon, and is fetched into the cache along the way: from `place` on, and `step`
// elements further for each term.
template <typename T> struct gc_soon {
  const T* place;
  ptrdiff_t step;
};

// c[rows][width] = (or +=, unless `first`) sum over i of a[rows][i] * b[i][width]. Rows of a lie
// `a_next` apart and one i after the other side by side, or (not `along`) the other way round. If
// `fetch`, `soon` is fetched, and of a that does not lie along what is GC_AHEAD terms behind.
template <int rows, int width, bool along, bool fetch, typename T>
__attribute__((noinline)) static void gc_rows_tile(int k, const T* __restrict__ a, ptrdiff_t a_next,
                                                   const T* __restrict__ b, ptrdiff_t b_step,
                                                   T* __restrict__ c, ptrdiff_t c_row,
                                                   bool first, gc_soon<T> soon) {
  typedef typename gc_vector<T>::type V;
  typedef typename gc_half_vector<T>::type H;
  typedef gc_columns<T, width> columns;
  constexpr int lanes = columns::lanes, vectors = columns::whole, end = vectors * lanes;
  alignas(GC_VECTOR_BYTES) V sum[rows][vectors > 0 ? vectors : 1];
  alignas(GC_VECTOR_BYTES) H last[rows];
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) {
      sum[r][v] = first ? V{} : *reinterpret_cast<const V*>(c + r * c_row + v * lanes);
    }
    if (columns::half) last[r] = first ? H{} : *reinterpret_cast<const H*>(c + r * c_row + end);
  }
  for (int i = 0; i < k; ++i) {
    if (fetch && !along) __builtin_prefetch(a + (i + GC_AHEAD) * a_next);
    if (fetch) __builtin_prefetch(soon.place + i * soon.step);
    V right[vectors > 0 ? vectors : 1];
    H right_half = {};
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) {
      right[v] = *reinterpret_cast<const V*>(b + v * lanes);
      GC_IN_REGISTER(right[v]);
    }
    if (columns::half) right_half = *reinterpret_cast<const H*>(b + end);
    // From the last row on: the other way round g++ 12 moves sums from register to register.
#pragma GCC unroll 8
    for (int r = rows - 1; r >= 0; --r) {
      const T left = along ? a[r * a_next + i] : a[i * a_next + r];
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) sum[r][v] = gc_fma_lanes(left, right[v], sum[r][v]);
      if (columns::half) last[r] = gc_fma_lanes(left, right_half, last[r]);
    }
    b += b_step;
  }
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) *reinterpret_cast<V*>(c + r * c_row + v * lanes) = sum[r][v];
    if (columns::half) *reinterpret_cast<H*>(c + r * c_row + end) = last[r];
  }
}

// Which factor of a product is not in the cache yet, if one is; beside: the columns of the right
// one that follow the panel's.
enum gc_far { GC_NEAR, GC_FAR_LEFT, GC_FAR_RIGHT, GC_FAR_BESIDE };

// All rows of a panel.
template <int width, bool along, gc_far far, typename T>
inline void gc_rows_panel(int rows, int k, const T* a, ptrdiff_t a_next, const T* b,
                          ptrdiff_t b_step, T* c, ptrdiff_t c_row, bool first) {
  constexpr bool fetch = far != GC_NEAR;
  constexpr int lanes = gc_vector<T>::lanes, vectors = (width + lanes - 1) / lanes;
  const ptrdiff_t a_row = along ? a_next : 1;
  const auto soon = [&](int r) -> gc_soon<T> {
    // Lines two tiles of rows ahead; or of b, whose vectors take turns, what is beside or behind.
    if (far == GC_FAR_LEFT) return {a + (r + 2 * GC_ROWS) * a_row, GC_ROWS};
    if (far == GC_FAR_BESIDE) return {b + width + r / GC_ROWS % vectors * lanes, b_step};
    return {b + GC_AHEAD * b_step + r / GC_ROWS % vectors * lanes, b_step};
  };
  int r = 0;
  for (; r + GC_ROWS <= rows; r += GC_ROWS) {
    gc_rows_tile<GC_ROWS, width, along, fetch, T>(k, a + r * a_row, a_next, b, b_step,
                                                  c + r * c_row, c_row, first, soon(r));
  }
  const int left = rows - r;
  if (first && r > 0 && (left & (left - 1)) != 0) {  // more than one of the tiles below
    r = rows - GC_ROWS;  // some rows again, with the same sums
    gc_rows_tile<GC_ROWS, width, along, fetch, T>(k, a + r * a_row, a_next, b, b_step,
                                                  c + r * c_row, c_row, first, soon(r));
    return;
  }
#if GC_ROWS == 8
  if (rows - r >= 4) {
    gc_rows_tile<4, width, along, fetch, T>(k, a + r * a_row, a_next, b, b_step, c + r * c_row,
                                            c_row, first, soon(r));
    r += 4;
  }
#endif
  if (rows - r >= 2) {
    gc_rows_tile<2, width, along, fetch, T>(k, a + r * a_row, a_next, b, b_step, c + r * c_row,
                                            c_row, first, soon(r));
    r += 2;
  }
  if (rows > r) {
    gc_rows_tile<1, width, along, fetch, T>(k, a + r * a_row, a_next, b, b_step, c + r * c_row,
                                            c_row, first, soon(r));
  }
}

#endif
