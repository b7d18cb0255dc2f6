// Products of rows by a panel of columns.
//
// A panel has up to two vectors of columns: k after k the columns of a row, wherever they are. The
// rows are read where they are: they are too few for copying to pay. The sums of a tile's rows and
// columns are held in registers. The order of each sum depends on k alone.
#ifndef GC_HOST_TILES_H
#define GC_HOST_TILES_H

#include "host_gemm.h"

#define GC_AHEAD 128  // terms behind those that are multiplied, whose lines are fetched

#if defined(__AVX512F__)
#define GC_ROWS 8
#else
#define GC_ROWS 4
#endif

// Columns of a panel that are filled up: whole vectors, perhaps half a one.
template <typename T, int width> struct gc_columns {
  static constexpr int lanes = gc_vector<T>::lanes;
  static constexpr int whole = width / lanes;
  static constexpr bool half = width % lanes != 0;
};

// Which factor of a product is not in the cache yet, if one is; beside: the columns of the right
// one that follow the panel's; next: what is behind the panel in memory.
enum gc_far { GC_NEAR, GC_FAR_LEFT, GC_FAR_RIGHT, GC_FAR_BESIDE, GC_FAR_NEXT };

// c[all][width] = sum over i of a[all][i] * b[i][width], or as `sums` says, so many rows at a time;
// what is left of them is left out. Rows of a lie `a_next` apart and one i after the other side by
// side, or (not `along`) the other way round. If `fetch`, what is `far` is fetched into the cache
// along the way, and of a that does not lie along what is GC_AHEAD terms behind.
template <int rows, int width, bool along, bool fetch, typename T>
GC_ONE_COPY void gc_rows_tiles(int all, int k, const T* __restrict__ a, ptrdiff_t a_next,
                               const T* __restrict__ b, ptrdiff_t b_step, T* __restrict__ c,
                               ptrdiff_t c_row, gc_sums sums, gc_far far) {
  typedef typename gc_vector<T>::type V;
  typedef typename gc_half_vector<T>::type H;
  typedef gc_columns<T, width> columns;
  constexpr int lanes = columns::lanes, vectors = columns::whole, end = vectors * lanes;
  const ptrdiff_t a_row = along ? a_next : 1;
  for (int tile = 0; tile + rows <= all; tile += rows) {
    // Lines two tiles of rows ahead; or of b, whose vectors take turns, what is beside or behind;
    // or a tile's share of the lines behind the panel.
    const T* soon = a + 2 * GC_ROWS * a_row;
    ptrdiff_t soon_step = GC_ROWS;
    int most = k;
    if constexpr (fetch) {
      if (far == GC_FAR_NEXT) {
        constexpr int line = 64 / sizeof(T);
        most = (int)(k * b_step / line) * rows / all;
        soon = b + k * b_step + (ptrdiff_t)(tile / rows) * most * line;
        soon_step = line;
      } else if (far != GC_FAR_LEFT) {
        soon = b + (far == GC_FAR_BESIDE ? width : GC_AHEAD * b_step) +
               tile / GC_ROWS % (vectors + columns::half) * lanes;
        soon_step = b_step;
      }
    }
    alignas(GC_VECTOR_BYTES) V sum[rows][vectors > 0 ? vectors : 1];
    alignas(GC_VECTOR_BYTES) H last[rows];
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) {
        sum[r][v] = V{};
        if (sums == GC_CONTINUED) sum[r][v] = *reinterpret_cast<V*>(c + r * c_row + v * lanes);
      }
      if constexpr (columns::half) {
        last[r] = H{};
        if (sums == GC_CONTINUED) last[r] = *reinterpret_cast<H*>(c + r * c_row + end);
      }
    }
    const T* right_row = b;
    asm("" : "+r"(a), "+r"(c));  // else g++ keeps all rows' addresses for the next tile, in memory
    for (int i = 0; i < k; ++i) {
      if constexpr (fetch && !along) __builtin_prefetch(a + (i + GC_AHEAD) * a_next);
      if constexpr (fetch) {
        if (i < most) __builtin_prefetch(soon + i * soon_step);
      }
      V right[vectors > 0 ? vectors : 1];
      H right_half = {};
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) {
        right[v] = *reinterpret_cast<const V*>(right_row + v * lanes);
        GC_IN_REGISTER(right[v]);
      }
      if constexpr (columns::half) right_half = *reinterpret_cast<const H*>(right_row + end);
      // From the last row on: the other way round g++ 12 moves sums from register to register.
#pragma GCC unroll 8
      for (int r = rows - 1; r >= 0; --r) {
        const T left = along ? a[r * a_next + i] : a[i * a_next + r];
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) sum[r][v] = gc_fma_lanes(left, right[v], sum[r][v]);
        if constexpr (columns::half) last[r] = gc_fma_lanes(left, right_half, last[r]);
      }
      right_row += b_step;
    }
    if (sums == GC_ADDED) {
#pragma GCC unroll 8
      for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) {
          sum[r][v] += *reinterpret_cast<V*>(c + r * c_row + v * lanes);
        }
        if constexpr (columns::half) last[r] += *reinterpret_cast<H*>(c + r * c_row + end);
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) {
        *reinterpret_cast<V*>(c + r * c_row + v * lanes) = sum[r][v];
      }
      if constexpr (columns::half) *reinterpret_cast<H*>(c + r * c_row + end) = last[r];
    }
    a += rows * a_row;
    c += rows * c_row;
  }
}

#if GC_ROWS == 8
#define GC_HEIGHTS 4
#else
#define GC_HEIGHTS 3
#endif

// gc_rows_tiles of 1, 2, 4, ... rows, of panels of one width. What calls them takes them as data:
// a program has one copy of it, and not one for each width and each way to read. The few rows that
// no tall tile takes fetch nothing: a third of the copies less.
template <typename T> struct gc_tiles {
  void (*of[GC_HEIGHTS])(int, int, const T*, ptrdiff_t, const T*, ptrdiff_t, T*, ptrdiff_t, gc_sums,
                         gc_far);
};

template <int width, bool along, bool fetch, typename T> constexpr gc_tiles<T> gc_tiles_of() {
  return {{gc_rows_tiles<1, width, along, false, T>, gc_rows_tiles<2, width, along, false, T>,
           gc_rows_tiles<4, width, along, fetch, T>,
#if GC_ROWS == 8
           gc_rows_tiles<8, width, along, fetch, T>
#endif
  }};
}

// How rows are multiplied by panels: whether the left factor lies along its rows, what is far, and
// the tiles of panels of 1, 2, 3 and 4 halves of a vector.
template <typename T> struct gc_reading {
  bool along;
  gc_far far;
  gc_tiles<T> tiles[4];
};

template <bool along, gc_far far, typename T> constexpr gc_reading<T> gc_reading_of() {
  constexpr int half = gc_vector<T>::lanes / 2;
  constexpr bool fetch = far != GC_NEAR;
  return {along,
          far,
          {gc_tiles_of<half, along, fetch, T>(), gc_tiles_of<2 * half, along, fetch, T>(),
           gc_tiles_of<3 * half, along, fetch, T>(), gc_tiles_of<4 * half, along, fetch, T>()}};
}

// All rows of a panel of so many halves of a vector.
template <typename T>
inline void gc_rows_panel(const gc_reading<T>& way, int halves, int rows, int k, const T* a,
                          ptrdiff_t a_next, const T* b, ptrdiff_t b_step, T* c, ptrdiff_t c_row,
                          gc_sums sums) {
  const ptrdiff_t a_row = way.along ? a_next : 1;
  const auto tiles = way.tiles[halves - 1].of;
  const auto multiply = [&](int height, int from, int all) {
    tiles[height](all, k, a + from * a_row, a_next, b, b_step, c + from * c_row, c_row, sums,
                  way.far);
  };
  int row = rows / GC_ROWS * GC_ROWS;
  if (row > 0) multiply(GC_HEIGHTS - 1, 0, row);
  const int left = rows - row;
  if (sums == GC_STORED && row > 0 && (left & (left - 1)) != 0) {  // more than one tile below
    multiply(GC_HEIGHTS - 1, rows - GC_ROWS, GC_ROWS);  // some rows again, with the same sums
    return;
  }
  for (int height = GC_HEIGHTS - 2; height >= 0; --height) {
    if (rows - row >= 1 << height) {
      multiply(height, row, 1 << height);
      row += 1 << height;
    }
  }
}

#endif
