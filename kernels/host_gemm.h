// Tiles of sums of products on a CPU, which are held in vector registers (Goto and van de Geijn,
// "Anatomy of high-performance matrix multiplication", 2008).
#ifndef GC_HOST_GEMM_H
#define GC_HOST_GEMM_H

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

// Sums are stored, continue those that are there term by term, or are added to these when they are
// complete.
enum gc_sums { GC_STORED, GC_CONTINUED, GC_ADDED };

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

#endif
