// Matrix products on a CPU: panels of both factors are copied so that a tile of the result, held in
// vector registers, is made from memory that is read in order (Goto and van de Geijn, "Anatomy of
// high-performance matrix multiplication", 2008).
//
// Sums over more than GC_DEPTH terms are made of sums of that many. The order depends on k alone.
#ifndef GC_HOST_GEMM_H
#define GC_HOST_GEMM_H

#include <string.h>
#include <type_traits>
#ifdef __SSE__
#include <xmmintrin.h>
#endif

#include "host_vector.h"
#include "openmp.h"
#include "pointwise.cuh"
#include "scratch.h"

#if defined(__AVX512F__)
#define GC_TILE_ROWS 12
#define GC_TILE_STEP 4
#elif defined(__AVX__)
#define GC_TILE_ROWS 6
#define GC_TILE_STEP 2
#else
#define GC_TILE_ROWS 4
#define GC_TILE_STEP 2
#endif
#define GC_TILE_VECTORS 2
#define GC_DEPTH 256
#define GC_STRIP_ROWS 96  // a multiple of every GC_TILE_ROWS: the strip of the left factor in L2

// Rows of a tile, stated for a processor with 32 vector registers; with 16 half of them.
constexpr int gc_height(int rows) { return GC_TILE_ROWS == 12 ? rows : rows / 2; }

// Writes (or adds, unless `first`) a tile of sums, of which `rows` and `columns` are wanted. Sums
// are aligned as whole vectors: clang++ relies on that for an array whose size is deduced.
template <int height, typename T, int vectors>
inline void gc_store_tile(const typename gc_vector<T>::type (&sum)[height][vectors], T* c,
                          ptrdiff_t c_row, int rows, int columns, bool first) {
  typedef typename gc_vector<T>::type V;
  constexpr int lanes = gc_vector<T>::lanes;
  if (rows == height && columns == vectors * lanes) {
#pragma GCC unroll 12
    for (int i = 0; i < height; ++i) {
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) {
        V* to = reinterpret_cast<V*>(c + i * c_row + v * lanes);
        *to = first ? sum[i][v] : *to + sum[i][v];
      }
    }
    return;
  }
  T whole[height][vectors * lanes];
#pragma GCC unroll 12
  for (int i = 0; i < height; ++i) {
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) {
      *reinterpret_cast<V*>(whole[i] + v * lanes) = sum[i][v];
    }
  }
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j < columns; ++j) {
      T* to = c + i * c_row + j;
      *to = first ? whole[i][j] : *to + whole[i][j];
    }
  }
}

template <typename T> constexpr int gc_panel_columns() {
  return GC_TILE_VECTORS * gc_vector<T>::lanes;
}

// c[height][vectors] = (or +=, unless `first`) sum over k of a[k][height] * b[k][vectors], where
// one k after the other lies GC_TILE_ROWS and gc_panel_columns apart. Not inlined: a program has
// many products, and all of them share these.
template <int height, int vectors, typename T>
static __attribute__((noinline)) void gc_gemm_tile(int k, const T* __restrict__ a,
                                                   const T* __restrict__ b, T* c, ptrdiff_t c_row,
                                                   int rows, int columns, bool first) {
  typedef typename gc_vector<T>::type V;
  constexpr int lanes = gc_vector<T>::lanes;
  alignas(GC_VECTOR_BYTES) V sum[height][vectors];
#pragma GCC unroll 12
  for (int i = 0; i < height; ++i) {
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) sum[i][v] = V{};
  }
  for (int step = 0; step < k; ++step) {
    V right[vectors];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) right[v] = *reinterpret_cast<const V*>(b + v * lanes);
#pragma GCC unroll 12
    for (int i = 0; i < height; ++i) {
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) sum[i][v] = gc_fma_lanes(a[i], right[v], sum[i][v]);
    }
    a += GC_TILE_ROWS;
    b += gc_panel_columns<T>();
  }
  gc_store_tile<height, T>(sum, c, c_row, rows, columns, first);
}

// The same, by the least height and width that hold the rows and columns that are wanted.
template <int height, typename T>
inline void gc_gemm_fitting(int k, const T* a, const T* b, T* c, ptrdiff_t c_row, int rows,
                            int columns, bool first) {
  if constexpr (height > GC_TILE_STEP) {
    if (rows <= height - GC_TILE_STEP) {
      gc_gemm_fitting<height - GC_TILE_STEP, T>(k, a, b, c, c_row, rows, columns, first);
      return;
    }
  }
  if (columns <= gc_vector<T>::lanes) {
    gc_gemm_tile<height, 1, T>(k, a, b, c, c_row, rows, columns, first);
  } else {
    gc_gemm_tile<height, GC_TILE_VECTORS, T>(k, a, b, c, c_row, rows, columns, first);
  }
}

// A panel whose elements along k lie side by side: line of memory by line, for each the rows.
template <int width, typename T>
inline void gc_gemm_turn(int k, const T* __restrict__ from, ptrdiff_t outer_step,
                         T* __restrict__ to) {
  constexpr int line = 64 / sizeof(T);
  for (int first = 0; first < k; first += line) {
    const int end = k - first < line ? k : first + line;
    int x = 0;
#ifdef __SSE__
    if constexpr (std::is_same<T, float>::value) {
      for (; x + 4 <= width; x += 4) {
        const float* row = from + x * outer_step;
        // Of the panel behind this one: rows that lie apart are not foreseen by the processor.
        for (int y = 0; y < 4; ++y) __builtin_prefetch(row + (width + y) * outer_step + first);
        int step = first;
        for (; step + 4 <= end; step += 4) {
          __m128 one = _mm_loadu_ps(row + step), two = _mm_loadu_ps(row + outer_step + step);
          __m128 three = _mm_loadu_ps(row + 2 * outer_step + step);
          __m128 four = _mm_loadu_ps(row + 3 * outer_step + step);
          _MM_TRANSPOSE4_PS(one, two, three, four);
          _mm_storeu_ps(to + step * width + x, one);
          _mm_storeu_ps(to + (step + 1) * width + x, two);
          _mm_storeu_ps(to + (step + 2) * width + x, three);
          _mm_storeu_ps(to + (step + 3) * width + x, four);
        }
        for (; step < end; ++step) {
          for (int y = 0; y < 4; ++y) to[step * width + x + y] = row[y * outer_step + step];
        }
      }
    }
#endif
    for (; x < width; ++x) {
      for (int step = first; step < end; ++step) to[step * width + x] = from[x * outer_step + step];
    }
  }
}

// A factor as panels of `width` neighbours along its outer axis: k after k the elements of a panel,
// zeros beyond the end.
template <int width, typename T>
static __attribute__((noinline)) void gc_gemm_pack(int outer, int k, const T* __restrict__ from,
                                                   ptrdiff_t outer_step, ptrdiff_t k_step,
                                                   T* __restrict__ to) {
  for (int first = 0; first < outer; first += width, to += (size_t)width * k) {
    const int count = outer - first < width ? outer - first : width;
    const T* panel = from + first * outer_step;
    if (count == width && outer_step == 1) {
      for (int step = 0; step < k; ++step) {
        memcpy(to + step * width, panel + step * k_step, width * sizeof(T));
      }
    } else if (count == width && k_step == 1) {
      gc_gemm_turn<width, T>(k, panel, outer_step, to);
    } else {
      for (int step = 0; step < k; ++step) {
        for (int x = 0; x < width; ++x) {
          to[step * width + x] = x < count ? panel[x * outer_step + step * k_step] : T(0);
        }
      }
    }
  }
}

// How many elements the panels of a right factor have.
template <typename T> inline size_t gc_gemm_right_size(int n, int k) {
  constexpr int columns = gc_panel_columns<T>();
  return (size_t)(n + columns - 1) / columns * columns * k;
}

// What up to GC_DEPTH of k add to c, by the panels of a right factor; `first`: c is not read.
template <typename T>
inline void gc_gemm_block(int m, int n, int depth, const T* a, ptrdiff_t a_row, ptrdiff_t a_step,
                          const T* right, T* c, ptrdiff_t c_row, bool first) {
  constexpr int columns = gc_panel_columns<T>();
  T* left = gc_scratch<T>(GC_GEMM_LEFT, (size_t)GC_STRIP_ROWS * GC_DEPTH);
  for (int top = 0; top < m; top += GC_STRIP_ROWS) {
    const int strip = m - top < GC_STRIP_ROWS ? m - top : GC_STRIP_ROWS;
    gc_gemm_pack<GC_TILE_ROWS, T>(strip, depth, a + top * a_row, a_row, a_step, left);
    for (int from = 0; from < n; from += columns) {
      const int wide = n - from < columns ? n - from : columns;
      for (int i = 0; i < strip; i += GC_TILE_ROWS) {
        const int high = strip - i < GC_TILE_ROWS ? strip - i : GC_TILE_ROWS;
        gc_gemm_fitting<GC_TILE_ROWS, T>(depth, left + (size_t)i * depth,
                                         right + (size_t)from * depth, c + (top + i) * c_row + from,
                                         c_row, high, wide, first);
      }
    }
  }
}

// c[i][j] = sum over k of a[i][k] * b[k][j], where one element after the other lies c_row apart and
// so on; the columns of c lie side by side.
template <typename T>
inline void gc_gemm(int m, int n, int k, const T* a, ptrdiff_t a_row, ptrdiff_t a_step, const T* b,
                    ptrdiff_t b_step, ptrdiff_t b_column, T* c, ptrdiff_t c_row) {
  if constexpr (std::is_floating_point<T>::value) {
    T* right = gc_scratch<T>(GC_GEMM_RIGHT, gc_gemm_right_size<T>(n, GC_DEPTH));
    for (int start = 0; start < k; start += GC_DEPTH) {
      const int depth = k - start < GC_DEPTH ? k - start : GC_DEPTH;
      gc_gemm_pack<gc_panel_columns<T>(), T>(n, depth, b + start * b_step, b_column, b_step,
                                             right);
      gc_gemm_block<T>(m, n, depth, a + start * a_step, a_row, a_step, right, c, c_row, start == 0);
    }
    if (k > 0) return;
  }
  for (int i = 0; i < m; ++i) {
    for (int j = 0; j < n; ++j) {
      T sum = T(0);
      for (int step = 0; step < k; ++step) {
        sum = gc_add(sum, gc_mul(a[i * a_row + step * a_step], b[step * b_step + j * b_column]));
      }
      c[i * c_row + j] = sum;
    }
  }
}

#endif
