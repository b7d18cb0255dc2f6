// Matrix products on a CPU: panels of both factors are copied so that a tile of the result, held in
// vector registers, is made from memory that is read in order (Goto and van de Geijn, "Anatomy of
// high-performance matrix multiplication", 2008).
//
// Sums over more than GC_DEPTH terms are made of sums of that many. The order depends on the sizes
// alone.
#ifndef GC_HOST_GEMM_H
#define GC_HOST_GEMM_H

#include "openmp.h"
#include "pointwise.cuh"
#include "scratch.h"

#if defined(__AVX512F__)
#define GC_VECTOR_BYTES 64
#define GC_TILE_ROWS 12
#elif defined(__AVX__)
#define GC_VECTOR_BYTES 32
#define GC_TILE_ROWS 6
#else
#define GC_VECTOR_BYTES 16
#define GC_TILE_ROWS 4
#endif
#define GC_DEPTH 256
#define GC_STRIP_ROWS 96  // a multiple of every GC_TILE_ROWS: the strip of the left factor in L2

template <typename T> struct gc_vector {
  typedef T type __attribute__((vector_size(GC_VECTOR_BYTES), aligned(sizeof(T)), may_alias));
  static constexpr int lanes = GC_VECTOR_BYTES / sizeof(T);
};

// Writes (or adds, unless `first`) a tile of sums, of which `rows` and `columns` are wanted.
template <int height, typename T>
inline void gc_store_tile(const typename gc_vector<T>::type (&sum)[height][2], T* c,
                          ptrdiff_t c_row, int rows, int columns, bool first) {
  typedef typename gc_vector<T>::type V;
  constexpr int lanes = gc_vector<T>::lanes;
  if (rows == height && columns == 2 * lanes) {
#pragma GCC unroll 12
    for (int i = 0; i < height; ++i) {
      V* to = reinterpret_cast<V*>(c + i * c_row);
      V* other = reinterpret_cast<V*>(c + i * c_row + lanes);
      *to = first ? sum[i][0] : *to + sum[i][0];
      *other = first ? sum[i][1] : *other + sum[i][1];
    }
    return;
  }
  T whole[height][2 * lanes];
#pragma GCC unroll 12
  for (int i = 0; i < height; ++i) {
    *reinterpret_cast<V*>(whole[i]) = sum[i][0];
    *reinterpret_cast<V*>(whole[i] + lanes) = sum[i][1];
  }
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j < columns; ++j) {
      T* to = c + i * c_row + j;
      *to = first ? whole[i][j] : *to + whole[i][j];
    }
  }
}

// c[rows][2 vectors] = (or +=, unless `first`) sum over k of a[k][GC_TILE_ROWS] * b[k][2 vectors].
template <typename T>
inline void gc_gemm_tile(int k, const T* __restrict__ a, const T* __restrict__ b, T* c,
                         ptrdiff_t c_row, int rows, int columns, bool first) {
  typedef typename gc_vector<T>::type V;
  constexpr int lanes = gc_vector<T>::lanes;
  V sum[GC_TILE_ROWS][2];
#pragma GCC unroll 12
  for (int i = 0; i < GC_TILE_ROWS; ++i) sum[i][0] = sum[i][1] = V{};
  for (int step = 0; step < k; ++step) {
    const V left = *reinterpret_cast<const V*>(b), right = *reinterpret_cast<const V*>(b + lanes);
#pragma GCC unroll 12
    for (int i = 0; i < GC_TILE_ROWS; ++i) {
      sum[i][0] += a[i] * left;
      sum[i][1] += a[i] * right;
    }
    a += GC_TILE_ROWS;
    b += 2 * lanes;
  }
  gc_store_tile<GC_TILE_ROWS, T>(sum, c, c_row, rows, columns, first);
}

// A factor as panels of `width` neighbours along its outer axis: k after k the elements of a panel,
// zeros beyond the end.
template <int width, typename T>
inline void gc_gemm_pack(int outer, int k, const T* from, ptrdiff_t outer_step, ptrdiff_t k_step,
                         T* to) {
  for (int first = 0; first < outer; first += width, to += (size_t)width * k) {
    const int count = outer - first < width ? outer - first : width;
    const T* panel = from + first * outer_step;
    if (count == width && outer_step == 1) {
      for (int step = 0; step < k; ++step) {
        for (int x = 0; x < width; ++x) to[step * width + x] = panel[step * k_step + x];
      }
    } else {
      for (int step = 0; step < k; ++step) {
        for (int x = 0; x < width; ++x) {
          to[step * width + x] = x < count ? panel[x * outer_step + step * k_step] : T(0);
        }
      }
    }
  }
}

template <typename T>
inline void gc_gemm_floats(int m, int n, int k, const T* a, ptrdiff_t a_row, ptrdiff_t a_step,
                           const T* b, ptrdiff_t b_step, ptrdiff_t b_column, T* c,
                           ptrdiff_t c_row) {
  constexpr int columns = 2 * gc_vector<T>::lanes;
  const int panels = (n + columns - 1) / columns;
  T* right = gc_scratch<T>(14, (size_t)panels * columns * GC_DEPTH);
  T* left = gc_scratch<T>(15, (size_t)GC_STRIP_ROWS * GC_DEPTH);
  for (int start = 0; start < k; start += GC_DEPTH) {
    const int depth = k - start < GC_DEPTH ? k - start : GC_DEPTH;
    gc_gemm_pack<columns>(n, depth, b + start * b_step, b_column, b_step, right);
    for (int top = 0; top < m; top += GC_STRIP_ROWS) {
      const int strip = m - top < GC_STRIP_ROWS ? m - top : GC_STRIP_ROWS;
      gc_gemm_pack<GC_TILE_ROWS>(strip, depth, a + top * a_row + start * a_step, a_row, a_step,
                                 left);
      for (int panel = 0; panel < panels; ++panel) {
        const int from = panel * columns, wide = n - from < columns ? n - from : columns;
        for (int i = 0; i < strip; i += GC_TILE_ROWS) {
          const int high = strip - i < GC_TILE_ROWS ? strip - i : GC_TILE_ROWS;
          gc_gemm_tile<T>(depth, left + (size_t)i * depth, right + (size_t)from * depth,
                          c + (top + i) * c_row + from, c_row, high, wide, start == 0);
        }
      }
    }
  }
}

// How many of `m` rows a tile has, at most `most`, so that all threads have equally many of them.
inline int gc_tile_rows(int m, int most) {
  const int threads = omp_get_max_threads();
  const int rounds = (m + threads * most - 1) / (threads * most);
  const int rows = (m + threads * rounds - 1) / (threads * rounds);
  return (rows + GC_TILE_ROWS - 1) / GC_TILE_ROWS * GC_TILE_ROWS;
}

// c[i][j] = sum over k of a[i][k] * b[k][j], where one element after the other lies c_row apart and
// so on; the columns of c lie side by side.
template <typename T>
inline void gc_gemm(int m, int n, int k, const T* a, ptrdiff_t a_row, ptrdiff_t a_step, const T* b,
                    ptrdiff_t b_step, ptrdiff_t b_column, T* c, ptrdiff_t c_row) {
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

#define GC_GEMM_OF_FLOATS(T)                                                                      \
  template <>                                                                                     \
  inline void gc_gemm<T>(int m, int n, int k, const T* a, ptrdiff_t a_row, ptrdiff_t a_step,      \
                         const T* b, ptrdiff_t b_step, ptrdiff_t b_column, T* c,                  \
                         ptrdiff_t c_row) {                                                       \
    if (k > 0) {                                                                                  \
      gc_gemm_floats<T>(m, n, k, a, a_row, a_step, b, b_step, b_column, c, c_row);                \
      return;                                                                                     \
    }                                                                                             \
    for (int i = 0; i < m; ++i) {                                                                 \
      for (int j = 0; j < n; ++j) c[i * c_row + j] = T(0);                                        \
    }                                                                                             \
  }
GC_GEMM_OF_FLOATS(float)
GC_GEMM_OF_FLOATS(double)
#undef GC_GEMM_OF_FLOATS

#endif
