// Convolutions on a CPU as products whose factor, the image's windows, is never written: a row of
// it is the image itself, from another place on (Zhang, Franchetti and Low, "High performance
// zero-memory overhead direct convolutions", 2018).
#ifndef GC_HOST_CONV_H
#define GC_HOST_CONV_H

#include "host_gemm.h"
#include "host_transpose.h"

// Beyond the end of an image that is read by whole vectors: more than two of them.
#define GC_IMAGE_SLACK (2 * GC_VECTOR_BYTES)

// c[i][j] = sum over k of weights[i][k] * image[at[k] + j] for m rows and n columns. `weights` are
// panels of `height` rows (gc_gemm_pack); `image` may be read GC_IMAGE_SLACK bytes too far.
template <int height, typename T>
inline void gc_conv_windows(int m, int n, int k, const T* __restrict__ weights,
                            const T* __restrict__ image, const int* __restrict__ at,
                            T* __restrict__ c, ptrdiff_t c_row) {
  typedef typename gc_vector<T>::type V;
  constexpr int lanes = gc_vector<T>::lanes;
  for (int j = 0; j < n; j += 2 * lanes) {
    const int columns = n - j < 2 * lanes ? n - j : 2 * lanes;
    for (int i = 0; i < m; i += height) {
      const T* panel = weights + (size_t)i * k;
      alignas(GC_VECTOR_BYTES) V sum[height][2];
#pragma GCC unroll 12
      for (int r = 0; r < height; ++r) sum[r][0] = sum[r][1] = V{};
      for (int step = 0; step < k; ++step) {
        const T* from = image + at[step] + j;
        const V left = *reinterpret_cast<const V*>(from);
        const V right = *reinterpret_cast<const V*>(from + lanes);
#pragma GCC unroll 12
        for (int r = 0; r < height; ++r) {
          sum[r][0] = gc_fma_lanes(panel[r], left, sum[r][0]);
          sum[r][1] = gc_fma_lanes(panel[r], right, sum[r][1]);
        }
        panel += height;
      }
      const int rows = m - i < height ? m - i : height;
      gc_store_tile<height, T>(sum, c + i * c_row + j, c_row, rows, columns, true);
    }
  }
}

#endif
