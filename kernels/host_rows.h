// Products of few rows at each step of a loop by a matrix that no step changes, and the rows that
// each thread takes through all steps.
//
// The matrix is copied once, ahead of the loop, into panels of two vectors of columns (the last may
// be one): k after k the columns of a panel, zeros beyond the end. The rows are read where they
// are: they are too few for copying to pay. The sums of a tile's rows and columns are held in
// registers. The order of each sum depends on k alone.
#ifndef GC_HOST_ROWS_H
#define GC_HOST_ROWS_H

#include "openmp.h"
#include "host_gemm.h"

#define GC_DEEP 128  // terms of a long sum that are summed in registers

#if defined(__AVX512F__)
#define GC_ROWS 8
#else
#define GC_ROWS 4
#endif

// The rows, from `begin` to `end`, of this thread of its team, of `count` in all: whole groups of
// four, about as many for each.
inline void gc_share(int count, int* begin, int* end) {
  const gc_int64 groups = ((gc_int64)count + 3) / 4;
  const gc_int64 thread = omp_get_thread_num(), threads = omp_get_num_threads();
  const gc_int64 from = groups * thread / threads * 4, to = groups * (thread + 1) / threads * 4;
  *begin = from < count ? (int)from : count;
  *end = to < count ? (int)to : count;
}

// The panel from column `first` on of a matrix of k x n, whose elements lie `step` apart along k,
// and `column` along n; `to` is where the panels begin, whose columns are `width` in all.
template <typename T>
inline void gc_rows_lay_out(int n, int width, int k, const T* from, ptrdiff_t step,
                            ptrdiff_t column, int first, T* to) {
  constexpr int lanes = gc_vector<T>::lanes;
  const int wide = width - first < 2 * lanes ? width - first : 2 * lanes;
  const int count = n - first < wide ? (n > first ? n - first : 0) : wide;
  T* panel = to + (size_t)first * k;
  const T* source = from + first * column;
  if (column == 1) {
    for (int i = 0; i < k; ++i) {
      for (int j = 0; j < wide; ++j) {
        panel[i * wide + j] = j < count ? source[i * step + j] : T(0);
      }
    }
  } else {
    for (int j = 0; j < wide; ++j) {
      for (int i = 0; i < k; ++i) {
        panel[i * wide + j] = j < count ? source[i * step + j * column] : T(0);
      }
    }
  }
}

// All panels of a matrix; the threads of a team divide them, and all of them are there when it
// returns.
template <typename T>
__attribute__((noinline)) static void gc_rows_panels(int k, int n, const T* from, ptrdiff_t step,
                                                     ptrdiff_t column, T* to) {
  constexpr int lanes = gc_vector<T>::lanes, whole = 64 / sizeof(T);
  const int width = (n + whole - 1) / whole * whole;
#pragma omp for schedule(static)
  for (int first = 0; first < width; first += 2 * lanes) {
    gc_rows_lay_out(n, width, k, from, step, column, first, to);
  }
}

// What is summed soon, and is fetched into the cache along the way: from `place` on, and `step`
// elements further for each term.
template <typename T> struct gc_soon {
  const T* place;
  ptrdiff_t step;
};

// c[rows][vectors] = (or +=, unless `first`) sum over i of a[rows][i] * b[i][vectors]. Rows of a
// lie `a_next` apart and one i after the other side by side, or (not `along`) the other way round;
// then what is GC_DEEP terms behind is fetched. `soon` is fetched if `fetch`.
template <int rows, int vectors, bool along, bool fetch, typename T>
__attribute__((noinline)) static void gc_rows_tile(int k, const T* __restrict__ a, ptrdiff_t a_next,
                                                   const T* __restrict__ b, ptrdiff_t b_step,
                                                   T* __restrict__ c, ptrdiff_t c_row,
                                                   bool first, gc_soon<T> soon) {
  typedef typename gc_vector<T>::type V;
  constexpr int lanes = gc_vector<T>::lanes;
  alignas(GC_VECTOR_BYTES) V sum[rows][vectors];
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) {
      sum[r][v] = first ? V{} : *reinterpret_cast<const V*>(c + r * c_row + v * lanes);
    }
  }
  for (int i = 0; i < k; ++i) {
    if (!along) __builtin_prefetch(a + (i + GC_DEEP) * a_next);
    if (fetch) __builtin_prefetch(soon.place + i * soon.step);
    V right[vectors];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) right[v] = *reinterpret_cast<const V*>(b + v * lanes);
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
      const T left = along ? a[r * a_next + i] : a[i * a_next + r];
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) sum[r][v] += left * right[v];
    }
    b += b_step;
  }
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) *reinterpret_cast<V*>(c + r * c_row + v * lanes) = sum[r][v];
  }
}

// Which factor of a product is not in the cache yet, if one is.
enum gc_far { GC_NEAR, GC_FAR_LEFT, GC_FAR_RIGHT };

// All rows of so many vectors of columns.
template <int vectors, bool along, gc_far far, typename T>
inline void gc_rows_panel(int rows, int k, const T* a, ptrdiff_t a_next, const T* b,
                          ptrdiff_t b_step, T* c, ptrdiff_t c_row, bool first) {
  constexpr bool fetch = far != GC_NEAR;
  const ptrdiff_t a_row = along ? a_next : 1;
  const auto soon = [&](int r) -> gc_soon<T> {
    // Lines two tiles of rows ahead; or the terms of b behind these, whose vectors take turns.
    if (far == GC_FAR_LEFT) return {a + (r + 2 * GC_ROWS) * a_row, GC_ROWS};
    return {b + GC_DEEP * b_step + r / GC_ROWS % vectors * gc_vector<T>::lanes, b_step};
  };
  int r = 0;
  for (; r + GC_ROWS <= rows; r += GC_ROWS) {
    gc_rows_tile<GC_ROWS, vectors, along, fetch, T>(k, a + r * a_row, a_next, b, b_step,
                                                    c + r * c_row, c_row, first, soon(r));
  }
#if GC_ROWS == 8
  if (rows - r >= 4) {
    gc_rows_tile<4, vectors, along, fetch, T>(k, a + r * a_row, a_next, b, b_step, c + r * c_row,
                                              c_row, first, soon(r));
    r += 4;
  }
#endif
  if (rows - r >= 2) {
    gc_rows_tile<2, vectors, along, fetch, T>(k, a + r * a_row, a_next, b, b_step, c + r * c_row,
                                              c_row, first, soon(r));
    r += 2;
  }
  if (rows > r) {
    gc_rows_tile<1, vectors, along, fetch, T>(k, a + r * a_row, a_next, b, b_step, c + r * c_row,
                                              c_row, first, soon(r));
  }
}

// c[rows][width] = a[rows][k], whose rows lie a_row apart, times a matrix of panels; the rows of c
// lie `width` apart, a multiple of the vector's lanes.
template <typename T, gc_far far = GC_NEAR>
__attribute__((noinline)) static void gc_rows_product(int rows, int width, int k, const T* a,
                                                      ptrdiff_t a_row, const T* panels, T* c) {
  constexpr int lanes = gc_vector<T>::lanes;
  for (int from = 0; from < width; from += 2 * lanes) {
    const bool two = width - from > lanes;
    const T* panel = panels + (size_t)from * k;
    for (int start = 0; start < k; start += GC_DEPTH) {
      const int depth = k - start < GC_DEPTH ? k - start : GC_DEPTH;
      if (two) {
        gc_rows_panel<2, true, far, T>(rows, depth, a + start, a_row,
                                       panel + (size_t)start * 2 * lanes, 2 * lanes, c + from,
                                       width, start == 0);
      } else {
        gc_rows_panel<1, true, far, T>(rows, depth, a + start, a_row, panel + (size_t)start * lanes,
                                       lanes, c + from, width, start == 0);
      }
    }
  }
}

#endif
