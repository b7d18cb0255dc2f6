// The gradient of a convolution's weights where that of its result has one element a window: sums
// of stretches of the image, each scaled.
#ifndef GC_HOST_SPARSE_CONV_H
#define GC_HOST_SPARSE_CONV_H

#include "host_gemm.h"

// sum[f][r][i] += scale[f][w] * image[from[f][w] + r * pitch + i], over the windows w. Of each row
// r of the weights' places `blocks` blocks of 64 bytes are added up, and read whole; a filter's
// rows lie `row_width` apart in `sum`, filters `width`.
template <int filters, int rows, int blocks, typename T>
inline void gc_conv_spread(int windows, int pitch, const T* __restrict__ image,
                           const int* __restrict__ from, const T* __restrict__ scale,
                           T* __restrict__ sum, int row_width, int width) {
  typedef typename gc_vector<T>::type V;
  constexpr int lanes = gc_vector<T>::lanes, vectors = blocks * (64 / GC_VECTOR_BYTES);
  V total[filters][rows][vectors];
#pragma GCC unroll 24
  for (int f = 0; f < filters; ++f)
#pragma GCC unroll 24
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 24
      for (int v = 0; v < vectors; ++v) total[f][r][v] = V{};
  for (int w = 0; w < windows; ++w) {
#pragma GCC unroll 24
    for (int f = 0; f < filters; ++f) {
      const size_t at = (size_t)f * windows + w;
      const T* row = image + from[at];
      const T factor = scale[at];
#pragma GCC unroll 24
      for (int r = 0; r < rows; ++r, row += pitch)
#pragma GCC unroll 24
        for (int v = 0; v < vectors; ++v)
          total[f][r][v] = gc_fma_lanes(factor, *reinterpret_cast<const V*>(row + v * lanes),
                                        total[f][r][v]);
    }
  }
#pragma GCC unroll 24
  for (int f = 0; f < filters; ++f)
#pragma GCC unroll 24
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 24
      for (int v = 0; v < vectors; ++v) {
        V* const to = reinterpret_cast<V*>(sum + (size_t)f * width + r * row_width + v * lanes);
        *to += total[f][r][v];
      }
}

#endif
