// Tiles of sums of products on a CPU, which are held in vector registers, and operands that are
// copied so that a tile is made from memory that is read in order (Goto and van de Geijn, "Anatomy
// of high-performance matrix multiplication", 2008).
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
#elif defined(__AVX__)
#define GC_TILE_ROWS 6
#else
#define GC_TILE_ROWS 4
#endif
#define GC_DEPTH 256  // terms that are added one after the other in registers

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

#endif
