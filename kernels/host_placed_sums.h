// The gradient of a convolution's weights where that of its results has one element in each window
// of a pooling: sums of rows of the image, each scaled.
#ifndef GC_HOST_PLACED_SUMS_H
#define GC_HOST_PLACED_SUMS_H

#include <string.h>

#include "host_gemm.h"

#define GC_PLACED_SUMS 24     // blocks of 64 bytes that are added up in registers
#define GC_PLACED_FILTERS 8  // filters whose sums one call makes, at most

// Windows of a pooling along three axes, how far neighbours are apart in the image, and where the
// element at each place of a window is.
struct gc_placed_windows {
  int counts[3];
  ptrdiff_t steps[3];
  const int* at;
};

// to[f][r][i] += scale[f][w] * image[element of place[f][w] + r * image_row + i] over windows w. Of
// each row of taps `blocks` blocks of 64 bytes are added up, and read whole; `left` elements are.
template <int filters, int rows, int blocks, int left, typename T>
__attribute__((noinline)) static void gc_placed_block(const gc_placed_windows& windows,
                                                      const int* __restrict__ place,
                                                      const T* __restrict__ scale,
                                                      const T* __restrict__ image,
                                                      ptrdiff_t image_row, T* __restrict__ to,
                                                      ptrdiff_t to_filter, ptrdiff_t to_row) {
  typedef typename gc_vector<T>::type V;
  constexpr int lanes = gc_vector<T>::lanes, vectors = blocks * (64 / GC_VECTOR_BYTES);
  const ptrdiff_t count = (ptrdiff_t)windows.counts[0] * windows.counts[1] * windows.counts[2];
  V total[filters][rows][vectors];
#pragma GCC unroll 24
  for (int f = 0; f < filters; ++f)
#pragma GCC unroll 24
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 24
      for (int v = 0; v < vectors; ++v) total[f][r][v] = V{};
  const int* __restrict__ at = windows.at;
  const int wide = windows.counts[2];
  const ptrdiff_t step = windows.steps[2];
  ptrdiff_t w = 0;
  for (int a = 0; a < windows.counts[0]; ++a) {
    for (int b = 0; b < windows.counts[1]; ++b) {
      const T* window = image + a * windows.steps[0] + b * windows.steps[1];
      for (int c = 0; c < wide; ++c, ++w, window += step) {
        ptrdiff_t from[filters];
#pragma GCC unroll 24
        for (int f = 0; f < filters; ++f) from[f] = at[place[f * count + w]];
#pragma GCC unroll 24
        for (int f = 0; f < filters; ++f) {
          const T* row = window + from[f];
          const T factor = scale[f * count + w];
#pragma GCC unroll 24
          for (int r = 0; r < rows; ++r, row += image_row)
#pragma GCC unroll 24
            for (int v = 0; v < vectors; ++v)
              total[f][r][v] = gc_fma_lanes(factor, *reinterpret_cast<const V*>(row + v * lanes),
                                            total[f][r][v]);
        }
      }
    }
  }
#pragma GCC unroll 24
  for (int f = 0; f < filters; ++f)
#pragma GCC unroll 24
    for (int r = 0; r < rows; ++r) {
      T* const row = to + f * to_filter + r * to_row;
#pragma GCC unroll 24
      for (int v = 0; v < vectors; ++v) {
        if ((v + 1) * lanes <= left) {
          *reinterpret_cast<V*>(row + v * lanes) += total[f][r][v];
        } else {
          T elements[lanes];
          *reinterpret_cast<V*>(elements) = total[f][r][v];
          for (int i = v * lanes; i < left; ++i) row[i] += elements[i - v * lanes];
        }
      }
    }
}

// The most filters of all that a call is for, of those that divide them.
constexpr int gc_placed_filters(int filters, int sums) {
  const int room = GC_PLACED_SUMS / sums;
  int together = room < GC_PLACED_FILTERS ? room : GC_PLACED_FILTERS;
  while (together > 1 && filters % together) --together;
  return together > 1 ? together : 1;
}

// All rows of taps of a plane, from one of them and from a block on.
template <int filters, int rows, int run, int row, int block, typename T>
inline void gc_placed_plane(const gc_placed_windows& windows, const int* place, const T* scale,
                            const T* image, ptrdiff_t image_row, T* to, ptrdiff_t to_filter) {
  constexpr int each = 64 / (int)sizeof(T), blocks = (run + each - 1) / each;
  constexpr int most = blocks > GC_PLACED_SUMS ? GC_PLACED_SUMS / 2 : blocks;
  constexpr int wide = blocks - block < most ? blocks - block : most;
  constexpr int room = GC_PLACED_SUMS / most > 1 ? GC_PLACED_SUMS / most : 1;
  constexpr int high = rows - row < room ? rows - row : room;
  constexpr int together = gc_placed_filters(filters, high * wide);
  const ptrdiff_t count = (ptrdiff_t)windows.counts[0] * windows.counts[1] * windows.counts[2];
  for (int f = 0; f < filters; f += together) {
    gc_placed_block<together, high, wide, run - block * each>(
        windows, place + f * count, scale + f * count, image + row * image_row + block * each,
        image_row, to + f * to_filter + row * run + block * each, to_filter, run);
  }
  if constexpr (block + wide < blocks) {
    gc_placed_plane<filters, rows, run, row, block + wide>(windows, place, scale, image, image_row,
                                                           to, to_filter);
  } else if constexpr (row + high < rows) {
    gc_placed_plane<filters, rows, run, row + high, 0>(windows, place, scale, image, image_row, to,
                                                       to_filter);
  }
}

// The same of all sums: to[filter][plane][row][i]. Along the three axes of a pooling there are
// `counts` windows of `sizes` elements. In the image elements are `steps` from each other, windows
// as far as `next` says, and taps `plane` and `row`, but for those of a run, which are neighbours.
template <int filters, int count0, int count1, int count2, int size0, int size1, int size2,
          int step0, int step1, int step2, int next0, int next1, int next2, int planes, int rows,
          int run, int plane, int row, typename T>
inline void gc_placed_sums(T* to, const int* place, const T* scale, const T* image) {
  int at[size0 * size1 * size2];
  for (int a = 0, k = 0; a < size0; ++a)
    for (int b = 0; b < size1; ++b)
      for (int c = 0; c < size2; ++c, ++k) at[k] = a * step0 + b * step1 + c * step2;
  const gc_placed_windows windows = {
      {count0, count1, count2},
      {next0, next1, next2},
      at};
  for (int i = 0; i < planes; ++i) {
    gc_placed_plane<filters, rows, run, 0, 0>(windows, place, scale, image + i * plane,
                                              (ptrdiff_t)row, to + i * rows * run,
                                              (ptrdiff_t)planes * rows * run);
  }
}

#endif
