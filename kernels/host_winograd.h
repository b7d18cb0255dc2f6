// Convolutions of 3 x 3 windows that lie one element apart, with 16 multiplications where sums take
// 36: F(2 x 2, 3 x 3) of Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016.
//
// A tile of 2 x 2 results is A' [(G g G') * (B' d B)] A, of a window's weights g and a tile d of
// 4 x 4 elements that overlaps its neighbours; * multiplies element by element, and channels are
// summed ahead of A. All numbers in A and B are 0, 1 or -1, those in G 1/2 too. The gradient of the
// weights is the transposed of it: G' [sum over tiles of (B' d B) * (A y A')] G.
//
// Inside, channels and filters are innermost: in rows of `wide` numbers, whole vectors, with zeros
// behind the last one. Images have 2 * down + 2 rows of 2 * across + 2, results 2 * down of
// 2 * across, for down x across tiles.
#ifndef GC_HOST_WINOGRAD_H
#define GC_HOST_WINOGRAD_H

#include <string.h>

#include "host_gemm.h"
#include "host_transpose.h"

#define GC_WINOGRAD_TILES 48  // transformed at a time: they stay in L2

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

// turned[element][plane] of planes[plane][element], in rows of `wide`.
template <typename T>
inline T* gc_winograd_innermost(int slot, int count, int wide, int elements, const T* planes) {
  T* turned = gc_scratch<T>(slot, (size_t)elements * wide);
  if (wide != count) memset(turned, 0, (size_t)elements * wide * sizeof(T));
  gc_transpose(count, elements, planes, elements, turned, wide);
  return turned;
}

// u[place][channel][filter] of weights[filter][channel][9].
template <typename T>
inline void gc_winograd_weights(int filters, int channels, int wide, const T* weights, T* u) {
  typedef typename gc_vector<T>::type V;
  const size_t plane = (size_t)channels * wide;
  const T* turned = gc_winograd_innermost(GC_INNERMOST, filters, wide, channels * 9, weights);
  for (int channel = 0; channel < channels; ++channel) {
    for (int f = 0; f < wide; f += gc_vector<T>::lanes) {
      V g[16];
#pragma GCC unroll 9
      for (int i = 0; i < 9; ++i) {
        g[i / 3 * 4 + i % 3] =
            *reinterpret_cast<const V*>(turned + ((size_t)channel * 9 + i) * wide + f);
      }
#pragma GCC unroll 4
      for (int i = 0; i < 3; ++i) gc_winograd_of_weights<T>(g + i, 4);
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) gc_winograd_of_weights<T>(g + 4 * i, 1);
#pragma GCC unroll 16
      for (int i = 0; i < 16; ++i) {
        *reinterpret_cast<V*>(u + i * plane + (size_t)channel * wide + f) = g[i];
      }
    }
  }
}

// v[place][tile][channel] of image[row][column][channel], for `count` tiles.
template <typename T>
inline void gc_winograd_images(int first, int count, int across, int wide,
                               const T* __restrict__ image, T* __restrict__ v, size_t plane) {
  typedef typename gc_vector<T>::type V;
  const ptrdiff_t row = (ptrdiff_t)(2 * across + 2) * wide;
  for (int tile = 0; tile < count; ++tile) {
    const int y = (first + tile) / across, x = (first + tile) % across;
    const T* from = image + 2 * y * row + 2 * x * wide;
    for (int c = 0; c < wide; c += gc_vector<T>::lanes) {
      V d[16];
#pragma GCC unroll 16
      for (int i = 0; i < 16; ++i) {
        d[i] = *reinterpret_cast<const V*>(from + i / 4 * row + i % 4 * wide + c);
      }
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) gc_winograd_of_image<T>(d + i, 4);
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) gc_winograd_of_image<T>(d + 4 * i, 1);
#pragma GCC unroll 16
      for (int i = 0; i < 16; ++i) {
        *reinterpret_cast<V*>(v + i * plane + (size_t)tile * wide + c) = d[i];
      }
    }
  }
}

// Results of m[place][tile][filter], filters innermost: tile after tile, for each of a tile's 2 x 2
// places those of all tiles where they are `apart`, else row[column] as they lie in the results.
template <typename T>
inline void gc_winograd_results(int first, int count, int down, int across, int wide, bool apart,
                                const T* __restrict__ m, size_t plane, T* __restrict__ result) {
  typedef typename gc_vector<T>::type V;
  const ptrdiff_t row = (ptrdiff_t)2 * across * wide, all = (ptrdiff_t)down * across * wide;
  const ptrdiff_t below = apart ? 2 * all : row, beside = apart ? all : wide;
  for (int tile = 0; tile < count; ++tile) {
    const int number = first + tile;
    T* to = result + (apart ? (ptrdiff_t)number * wide
                            : number / across * 2 * row + number % across * 2 * wide);
    for (int f = 0; f < wide; f += gc_vector<T>::lanes) {
      V sum[16];
#pragma GCC unroll 16
      for (int i = 0; i < 16; ++i) {
        sum[i] = *reinterpret_cast<const V*>(m + i * plane + (size_t)tile * wide + f);
      }
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) gc_winograd_of_sums<T>(sum + i, 4);
#pragma GCC unroll 4
      for (int i = 0; i < 2; ++i) gc_winograd_of_sums<T>(sum + 4 * i, 1);
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        *reinterpret_cast<V*>(to + i / 2 * below + i % 2 * beside + f) = sum[i / 2 * 4 + i % 2];
      }
    }
  }
}

// m[place][tile][filter] of y[row][column][filter]: what the results' cotangents hand to the sums.
template <typename T>
inline void gc_winograd_cotangents(int first, int count, int across, int wide,
                                   const T* __restrict__ y, T* __restrict__ m, size_t plane) {
  typedef typename gc_vector<T>::type V;
  const ptrdiff_t row = (ptrdiff_t)2 * across * wide;
  for (int tile = 0; tile < count; ++tile) {
    const T* from = y + (first + tile) / across * 2 * row + (first + tile) % across * 2 * wide;
    for (int f = 0; f < wide; f += gc_vector<T>::lanes) {
      V d[16];
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        d[i / 2 * 4 + i % 2] = *reinterpret_cast<const V*>(from + i / 2 * row + i % 2 * wide + f);
      }
#pragma GCC unroll 4
      for (int i = 0; i < 2; ++i) gc_winograd_of_results<T>(d + i, 4);
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) gc_winograd_of_results<T>(d + 4 * i, 1);
#pragma GCC unroll 16
      for (int i = 0; i < 16; ++i) {
        *reinterpret_cast<V*>(m + i * plane + (size_t)tile * wide + f) = d[i];
      }
    }
  }
}

// c[i][j] = (or +=, unless `first`) sum over k of a[i][k] * b[k][j]; what lies side by side is said
// by steps, and b and c have rows of `wide`, a multiple of two vectors.
template <int height, typename T>
__attribute__((noinline)) void gc_winograd_product(int rows, int k, int wide,
                                                   const T* __restrict__ a, ptrdiff_t a_row,
                                                   ptrdiff_t a_step, const T* __restrict__ b,
                                                   T* __restrict__ c, bool first) {
  typedef typename gc_vector<T>::type V;
  constexpr int lanes = gc_vector<T>::lanes;
  for (int i = 0; i < rows; i += height) {
    const int wanted = rows - i < height ? rows - i : height;
    const T* from[height];
    for (int r = 0; r < height; ++r) from[r] = a + (i + (r < wanted ? r : 0)) * a_row;
    for (int j = 0; j < wide; j += 2 * lanes) {
      alignas(GC_VECTOR_BYTES) V sum[height][2];
#pragma GCC unroll 12
      for (int r = 0; r < height; ++r) sum[r][0] = sum[r][1] = V{};
      const T* other = b + j;
      for (int step = 0; step < k; ++step, other += wide) {
        V left = *reinterpret_cast<const V*>(other);
        V right = *reinterpret_cast<const V*>(other + lanes);
        GC_IN_REGISTER(left);
        GC_IN_REGISTER(right);
#pragma GCC unroll 12
        for (int r = 0; r < height; ++r) {
          sum[r][0] = gc_fma_lanes(from[r][step * a_step], left, sum[r][0]);
          sum[r][1] = gc_fma_lanes(from[r][step * a_step], right, sum[r][1]);
        }
      }
      gc_store_tile<height, T>(sum, c + (size_t)i * wide + j, wide, wanted, 2 * lanes, first);
    }
  }
}

// Of image[channel][row][column] and of the weights u results[filter][row][column]; or `apart`,
// results[place][filter][tile] for a tile's four places.
template <int height, typename T>
inline void gc_winograd_conv(int channels, int channels_wide, int filters, int wide, int down,
                             int across, bool apart, const T* image, const T* u, T* results) {
  const int tiles = down * across, pixels = 4 * tiles;
  const T* turned = gc_winograd_innermost(
      GC_INNERMOST, channels, channels_wide, (2 * down + 2) * (2 * across + 2), image);
  // Apart by a vector more: a power of two would put all planes into the same lines of the cache.
  const size_t v_plane = (size_t)GC_WINOGRAD_TILES * channels_wide + gc_vector<T>::lanes;
  const size_t m_plane = (size_t)GC_WINOGRAD_TILES * wide + gc_vector<T>::lanes;
  T* v = gc_scratch<T>(GC_IMAGE_TILES, 16 * v_plane);
  T* m = gc_scratch<T>(GC_RESULT_TILES, 16 * m_plane);
  T* result = gc_scratch<T>(GC_RESULTS, (size_t)pixels * wide);
  for (int first = 0; first < tiles; first += GC_WINOGRAD_TILES) {
    const int count = tiles - first < GC_WINOGRAD_TILES ? tiles - first : GC_WINOGRAD_TILES;
    gc_winograd_images(first, count, across, channels_wide, turned, v, v_plane);
    for (int place = 0; place < 16; ++place) {
      gc_winograd_product<height, T>(count, channels, wide, v + place * v_plane, channels_wide, 1,
                                     u + (size_t)place * channels * wide, m + place * m_plane,
                                     true);
    }
    gc_winograd_results(first, count, down, across, wide, apart, m, m_plane, result);
  }
  const int parts = apart ? 4 : 1, each = pixels / parts;
  for (int part = 0; part < parts; ++part) {
    gc_transpose(each, filters, result + (size_t)part * each * wide, wide,
                 results + (size_t)part * each * filters, each);
  }
}

// sums[place][channel][filter] += what one sample's image[channel][row][column] and
// cotangents[filter][row][column] add to the gradient of the weights.
template <int height, typename T>
inline void gc_winograd_gradient(int channels, int channels_wide, int filters, int wide, int down,
                                 int across, const T* image, const T* cotangents, T* sums) {
  const int tiles = down * across;
  const T* turned = gc_winograd_innermost(
      GC_INNERMOST, channels, channels_wide, (2 * down + 2) * (2 * across + 2), image);
  const T* other = gc_winograd_innermost(GC_COTANGENTS, filters, wide, 4 * tiles, cotangents);
  const size_t v_plane = (size_t)GC_WINOGRAD_TILES * channels_wide + gc_vector<T>::lanes;
  const size_t m_plane = (size_t)GC_WINOGRAD_TILES * wide + gc_vector<T>::lanes;
  T* v = gc_scratch<T>(GC_IMAGE_TILES, 16 * v_plane);
  T* m = gc_scratch<T>(GC_RESULT_TILES, 16 * m_plane);
  for (int first = 0; first < tiles; first += GC_WINOGRAD_TILES) {
    const int count = tiles - first < GC_WINOGRAD_TILES ? tiles - first : GC_WINOGRAD_TILES;
    gc_winograd_images(first, count, across, channels_wide, turned, v, v_plane);
    gc_winograd_cotangents(first, count, across, wide, other, m, m_plane);
    for (int place = 0; place < 16; ++place) {
      gc_winograd_product<height, T>(channels, count, wide, v + place * v_plane, 1, channels_wide,
                                     m + place * m_plane, sums + (size_t)place * channels * wide,
                                     false);
    }
  }
}

// gradient[channel][9][filter] of sums[place][channel][filter].
template <typename T>
inline void gc_winograd_gathered(int channels, int wide, const T* __restrict__ sums,
                                 T* __restrict__ gradient) {
  typedef typename gc_vector<T>::type V;
  const size_t plane = (size_t)channels * wide;
  for (int channel = 0; channel < channels; ++channel) {
    for (int f = 0; f < wide; f += gc_vector<T>::lanes) {
      V u[16];
      for (int i = 0; i < 16; ++i) {
        u[i] = *reinterpret_cast<const V*>(sums + i * plane + (size_t)channel * wide + f);
      }
      for (int i = 0; i < 4; ++i) gc_winograd_of_products<T>(u + i, 4);
      for (int i = 0; i < 3; ++i) gc_winograd_of_products<T>(u + 4 * i, 1);
      for (int i = 0; i < 9; ++i) {
        *reinterpret_cast<V*>(gradient + ((size_t)channel * 9 + i) * wide + f) =
            u[i / 3 * 4 + i % 3];
      }
    }
  }
}

#endif
