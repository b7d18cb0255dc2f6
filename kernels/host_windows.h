// Convolutions on a CPU as products whose right operand, the windows of an image, is never written:
// a row of it is the image itself, from another place on (Zhang, Franchetti and Low, "High
// performance zero-memory overhead direct convolutions", 2018).
#ifndef GC_HOST_WINDOWS_H
#define GC_HOST_WINDOWS_H

#include "host_gemm.h"

// to[row][column] = sum over k of left[row][k] * image[at[k] + column] for all rows and as many
// columns as some vectors have.
template <int height, int vectors, typename T>
__attribute__((noinline)) static void gc_windows_columns(int rows, int depth, const T* left,
                                                         ptrdiff_t left_row,
                                                         const T* __restrict__ image,
                                                         const int* __restrict__ at,
                                                         T* __restrict__ to, ptrdiff_t to_row) {
  typedef typename gc_vector<T>::type V;
  constexpr int lanes = gc_vector<T>::lanes;
  for (int row = 0; row < rows; row += height) {
    const int high = rows - row < height ? rows - row : height;
    alignas(GC_VECTOR_BYTES) V sum[height][vectors];
    const T* of_row[height];
#pragma GCC unroll 12
    for (int r = 0; r < height; ++r) {
      of_row[r] = left + (row + (r < high ? r : 0)) * left_row;
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) sum[r][v] = V{};
    }
    // g++ 12 would unroll a few terms whose number is known; their sums are not in registers then.
#pragma GCC unroll 1
    for (int k = 0; k < depth; ++k) {
      const T* from = image + at[k];
      V right[vectors];
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) {
        right[v] = *reinterpret_cast<const V*>(from + v * lanes);
        GC_IN_REGISTER(right[v]);
      }
#pragma GCC unroll 12
      for (int r = 0; r < height; ++r) {
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) {
          sum[r][v] = gc_fma_lanes(of_row[r][k], right[v], sum[r][v]);
        }
      }
    }
    gc_store_tile<height, T>(sum, to + row * to_row, to_row, high, vectors * lanes, true);
  }
}

// The same for all columns, which are whole vectors of 64 bytes. The terms have axes: along each
// there are `terms` of them, which in the image are a step apart, and in a row of `left` follow
// each other.
template <int height, int... terms, typename T, typename... Steps>
inline void gc_windows_product(int rows, int columns, T* to, ptrdiff_t to_row, const T* left,
                               ptrdiff_t left_row, const T* image, Steps... steps) {
  constexpr int lanes = gc_vector<T>::lanes, depth = (terms * ...), axes = sizeof...(terms);
  constexpr int counts[] = {terms...};
  const int distances[] = {(int)steps...};
  int at[depth];
  int filled = 1;
  at[0] = 0;
  for (int axis = axes - 1; axis >= 0; --axis) {  // what is there, once more for each further term
    const int count = filled;
    for (int k = 1; k < counts[axis]; ++k) {
      for (int i = 0; i < count; ++i) at[filled++] = at[i] + k * distances[axis];
    }
  }
  for (int column = 0; column < columns; column += 2 * lanes) {
    if (columns - column > lanes) {
      gc_windows_columns<height, 2, T>(rows, depth, left, left_row, image + column, at, to + column,
                                       to_row);
    } else {
      gc_windows_columns<height, 1, T>(rows, depth, left, left_row, image + column, at, to + column,
                                       to_row);
    }
  }
}

#endif
