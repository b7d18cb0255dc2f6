// Convolutions of 3 x 3 windows that lie one element apart, with 16 multiplications where sums take
// 36: F(2 x 2, 3 x 3) of Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016.
//
// A tile of 2 x 2 results is A' [(G g G') * (B' d B)] A, of a window's weights g and a tile d of
// 4 x 4 elements that overlaps its neighbours; * multiplies element by element, and channels are
// summed ahead of A. All numbers in A and B are 0, 1 or -1, those in G 1/2 too. The gradient of the
// weights is the transposed of it: G' [sum over tiles of (B' d B) * (A y A')] G.
//
// Channels and filters are innermost, in rows that have room for whole vectors: what is behind the
// last one is read and written, and nothing comes of it. Of `tiles`, in rows of `across`, `left`
// are not computed yet: the next ones are, at most GC_WINOGRAD_TILES.
#ifndef GC_HOST_WINOGRAD_H
#define GC_HOST_WINOGRAD_H

#include <string.h>

#include "host_gemm.h"

#define GC_WINOGRAD_TILES 48  // transformed at a time: they stay in the second cache

// Along one axis of a tile, `step` apart: B' d,
template <typename T>
inline void gc_winograd_of_image(typename gc_vector<T>::type* d, int step) {
  typedef typename gc_vector<T>::type V;
  const V a = d[0], b = d[step], c = d[2 * step], e = d[3 * step];
  d[0] = a - c;
  d[step] = b + c;
  d[2 * step] = c - b;
  d[3 * step] = b - e;
}

// A' m,
template <typename T>
inline void gc_winograd_of_sums(typename gc_vector<T>::type* m, int step) {
  typedef typename gc_vector<T>::type V;
  const V a = m[0], b = m[step], c = m[2 * step], e = m[3 * step];
  m[0] = a + b + c;
  m[step] = b - c - e;
}

// A y,
template <typename T>
inline void gc_winograd_of_results(typename gc_vector<T>::type* y, int step) {
  typedef typename gc_vector<T>::type V;
  const V a = y[0], b = y[step];
  y[step] = a + b;
  y[2 * step] = a - b;
  y[3 * step] = -b;
}

// G g,
template <typename T>
inline void gc_winograd_of_weights(typename gc_vector<T>::type* g, int step) {
  typedef typename gc_vector<T>::type V;
  const V a = g[0], b = g[step], c = g[2 * step];
  g[step] = (a + b + c) / 2;
  g[2 * step] = (a - b + c) / 2;
  g[3 * step] = c;
}

// and G' u.
template <typename T>
inline void gc_winograd_of_products(typename gc_vector<T>::type* u, int step) {
  typedef typename gc_vector<T>::type V;
  const V a = u[0], b = u[step] / 2, c = u[2 * step] / 2, e = u[3 * step];
  u[0] = a + (b + c);
  u[step] = b - c;
  u[2 * step] = (b + c) + e;
}

// to[place][channel][filter] of weights[channel][tap][filter].
template <typename T>
inline void gc_winograd_weights(int channels, int filters, T* to, ptrdiff_t to_place,
                                ptrdiff_t to_row, const T* weights, ptrdiff_t from_channel,
                                ptrdiff_t from_tap) {
  typedef typename gc_vector<T>::type V;
  for (int channel = 0; channel < channels; ++channel) {
    for (int f = 0; f < filters; f += gc_vector<T>::lanes) {
      const T* from = weights + channel * from_channel + f;
      V g[16];
#pragma GCC unroll 9
      for (int i = 0; i < 9; ++i) {
        g[i / 3 * 4 + i % 3] = *reinterpret_cast<const V*>(from + i * from_tap);
      }
#pragma GCC unroll 4
      for (int i = 0; i < 3; ++i) gc_winograd_of_weights<T>(g + i, 4);
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) gc_winograd_of_weights<T>(g + 4 * i, 1);
#pragma GCC unroll 16
      for (int i = 0; i < 16; ++i) {
        *reinterpret_cast<V*>(to + i * to_place + channel * to_row + f) = g[i];
      }
    }
  }
}

// to[place][tile][channel] of image[element][channel], whose rows are `pitch` elements long.
template <typename T>
inline void gc_winograd_image(int tiles, int left, int across, int pitch, int channels,
                              T* __restrict__ to, ptrdiff_t to_place, ptrdiff_t to_tile,
                              const T* __restrict__ image, ptrdiff_t from_element) {
  typedef typename gc_vector<T>::type V;
  const int count = left < GC_WINOGRAD_TILES ? left : GC_WINOGRAD_TILES, first = tiles - left;
  const ptrdiff_t row = pitch * from_element;
  for (int tile = 0; tile < count; ++tile) {
    const int y = (first + tile) / across, x = (first + tile) % across;
    const T* from = image + 2 * y * row + 2 * x * from_element;
    for (int c = 0; c < channels; c += gc_vector<T>::lanes) {
      V d[16];
#pragma GCC unroll 16
      for (int i = 0; i < 16; ++i) {
        d[i] = *reinterpret_cast<const V*>(from + i / 4 * row + i % 4 * from_element + c);
      }
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) gc_winograd_of_image<T>(d + i, 4);
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) gc_winograd_of_image<T>(d + 4 * i, 1);
#pragma GCC unroll 16
      for (int i = 0; i < 16; ++i) {
        *reinterpret_cast<V*>(to + i * to_place + tile * to_tile + c) = d[i];
      }
    }
  }
}

// to[result][filter] of sums[place][tile][filter]: rows of 2 * across results, or, where they are
// `apart`, for each of a tile's 2 x 2 places those of all tiles.
template <bool apart, typename T>
inline void gc_winograd_some_results(int tiles, int left, int across, int filters,
                                     T* __restrict__ to, ptrdiff_t to_result,
                                     const T* __restrict__ sums, ptrdiff_t from_place,
                                     ptrdiff_t from_tile) {
  typedef typename gc_vector<T>::type V;
  const int count = left < GC_WINOGRAD_TILES ? left : GC_WINOGRAD_TILES, first = tiles - left;
  const ptrdiff_t row = (apart ? 2 * tiles : 2 * across) * to_result;
  const ptrdiff_t beside = apart ? tiles * to_result : to_result;
  for (int tile = 0; tile < count; ++tile) {
    const int number = first + tile, y = number / across, x = number % across;
    T* result = to + (apart ? number * to_result : 2 * y * row + 2 * x * to_result);
    for (int f = 0; f < filters; f += gc_vector<T>::lanes) {
      V sum[16];
#pragma GCC unroll 16
      for (int i = 0; i < 16; ++i) {
        sum[i] = *reinterpret_cast<const V*>(sums + i * from_place + tile * from_tile + f);
      }
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) gc_winograd_of_sums<T>(sum + i, 4);
#pragma GCC unroll 4
      for (int i = 0; i < 2; ++i) gc_winograd_of_sums<T>(sum + 4 * i, 1);
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        *reinterpret_cast<V*>(result + i / 2 * row + i % 2 * beside + f) = sum[i / 2 * 4 + i % 2];
      }
    }
  }
}

template <typename T>
inline void gc_winograd_results(int tiles, int left, int across, int filters, T* to,
                                ptrdiff_t to_result, const T* sums, ptrdiff_t from_place,
                                ptrdiff_t from_tile) {
  gc_winograd_some_results<false>(tiles, left, across, filters, to, to_result, sums, from_place,
                                  from_tile);
}

template <typename T>
inline void gc_winograd_results_separate(int tiles, int left, int filters, T* to,
                                         ptrdiff_t to_result,
                                      const T* sums, ptrdiff_t from_place, ptrdiff_t from_tile) {
  gc_winograd_some_results<true>(tiles, left, 1, filters, to, to_result, sums, from_place,
                                 from_tile);
}

// to[place][tile][filter] of cotangents[row][column][filter]; behind the last ones they are 0.
template <typename T>
inline void gc_winograd_cotangents(int tiles, int left, int across, int rows, int columns,
                                   int filters, T* __restrict__ to, ptrdiff_t to_place,
                                   ptrdiff_t to_tile, const T* __restrict__ cotangents,
                                   ptrdiff_t from_row, ptrdiff_t from_column) {
  typedef typename gc_vector<T>::type V;
  const int count = left < GC_WINOGRAD_TILES ? left : GC_WINOGRAD_TILES, first = tiles - left;
  for (int tile = 0; tile < count; ++tile) {
    const int y = (first + tile) / across * 2, x = (first + tile) % across * 2;
    const T* from = cotangents + y * from_row + x * from_column;
    const bool below = y + 1 < rows, beside = x + 1 < columns;
    const bool there[4] = {true, beside, below, below && beside};
    for (int f = 0; f < filters; f += gc_vector<T>::lanes) {
      V d[16];
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        V* const element = d + i / 2 * 4 + i % 2;
        *element = V{};
        if (there[i]) {
          *element =
              *reinterpret_cast<const V*>(from + i / 2 * from_row + i % 2 * from_column + f);
        }
      }
#pragma GCC unroll 4
      for (int i = 0; i < 2; ++i) gc_winograd_of_results<T>(d + i, 4);
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) gc_winograd_of_results<T>(d + 4 * i, 1);
#pragma GCC unroll 16
      for (int i = 0; i < 16; ++i) {
        *reinterpret_cast<V*>(to + i * to_place + tile * to_tile + f) = d[i];
      }
    }
  }
}

// to[channel][row][column][filter] of sums[place][channel][filter]; of the two these alone have
// room for whole vectors in a row.
template <typename T>
inline void gc_winograd_gradient(int channels, int filters, T* __restrict__ to,
                                 ptrdiff_t to_channel, ptrdiff_t to_row, ptrdiff_t to_column,
                                 const T* __restrict__ sums, ptrdiff_t from_place,
                                 ptrdiff_t from_row) {
  typedef typename gc_vector<T>::type V;
  constexpr int lanes = gc_vector<T>::lanes;
  for (int channel = 0; channel < channels; ++channel) {
    for (int f = 0; f < filters; f += lanes) {
      V u[16];
      for (int i = 0; i < 16; ++i) {
        u[i] = *reinterpret_cast<const V*>(sums + i * from_place + channel * from_row + f);
      }
      for (int i = 0; i < 4; ++i) gc_winograd_of_products<T>(u + i, 4);
      for (int i = 0; i < 3; ++i) gc_winograd_of_products<T>(u + 4 * i, 1);
      for (int i = 0; i < 9; ++i) {
        T* const tap = to + channel * to_channel + i / 3 * to_row + i % 3 * to_column + f;
        const V value = u[i / 3 * 4 + i % 3];
        if (f + lanes <= filters) {
          *reinterpret_cast<V*>(tap) = value;
        } else {
          memcpy(tap, &value, (filters - f) * sizeof(T));
        }
      }
    }
  }
}

// to[i][j] = sum over k of left[i][k] * right[k][j]. Tiles are rows, or, `of_tiles`, what is added
// up, to what is there; one call is for at most GC_WINOGRAD_TILES of them. One copy, as the loop
// over terms of one for numbers that calls have in common moves sums between registers (g++ 12; a
// product took 1.24 times as long, AVX2, Zen 3).
template <int height, bool of_tiles, typename T>
GC_ONE_COPY void gc_winograd_product(int rows, int columns, int depth, T* __restrict__ to,
                                     ptrdiff_t to_row, const T* __restrict__ left,
                                     ptrdiff_t left_row, ptrdiff_t left_term,
                                     const T* __restrict__ right, ptrdiff_t right_row) {
  typedef typename gc_vector<T>::type V;
  constexpr int lanes = gc_vector<T>::lanes;
  if (of_tiles && depth > GC_WINOGRAD_TILES) depth = GC_WINOGRAD_TILES;
  if (!of_tiles && rows > GC_WINOGRAD_TILES) rows = GC_WINOGRAD_TILES;
  for (int i = 0; i < rows; i += height) {
    const int wanted = rows - i < height ? rows - i : height;
    const T* from[height];
    for (int r = 0; r < height; ++r) from[r] = left + (i + (r < wanted ? r : 0)) * left_row;
    for (int j = 0; j < columns; j += 2 * lanes) {
      alignas(GC_VECTOR_BYTES) V sum[height][2];
#pragma GCC unroll 12
      for (int r = 0; r < height; ++r) sum[r][0] = sum[r][1] = V{};
      const T* other = right + j;
      for (int step = 0; step < depth; ++step, other += right_row) {
        V first = *reinterpret_cast<const V*>(other);
        V second = *reinterpret_cast<const V*>(other + lanes);
        GC_IN_REGISTER(first);
        GC_IN_REGISTER(second);
#pragma GCC unroll 12
        for (int r = 0; r < height; ++r) {
          sum[r][0] = gc_fma_lanes(from[r][step * left_term], first, sum[r][0]);
          sum[r][1] = gc_fma_lanes(from[r][step * left_term], second, sum[r][1]);
        }
      }
      gc_store_tile<height, T>(sum, to + (size_t)i * to_row + j, to_row, wanted, 2 * lanes,
                               !of_tiles);
    }
  }
}

#endif
