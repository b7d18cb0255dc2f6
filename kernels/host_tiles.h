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

// Which factor of a product is not in the cache yet, if one is; beside: the columns of the right
// one that follow the panel's; next: what is behind the panel in memory.
enum gc_far { GC_NEAR, GC_FAR_LEFT, GC_FAR_RIGHT, GC_FAR_BESIDE, GC_FAR_NEXT };

// How a left factor lies: a row's terms side by side, or a term's rows.
enum gc_lie { GC_LIES_ALONG, GC_LIES_ACROSS, GC_LIES_ANYHOW };

// A left factor: a row's terms lie `step` apart, and rows `row`.
template <typename T> struct gc_factor {
  const T* first;
  ptrdiff_t row, step;
};

// A panel: rows of up to two vectors of columns. The vectors of the last `copied` rows, of which
// not all is there, are in a copy, side by side.
template <typename T> struct gc_terms {
  int count;
  const T* rows;
  ptrdiff_t row;
  int copied;
  const T* copy;
};

// Sums of products, rows of so many columns.
template <typename T> struct gc_sums_of_rows {
  T* rows;
  ptrdiff_t row;
  int columns;
  gc_sums ends;
};

// c[all][columns] = sum over i of a[all][i] * b[i][columns], or as `c.ends` says, so many rows at a
// time; what is left of them is left out. If `fetch`, what is `far` is fetched into the cache along
// the way, and of an a that lies across what is GC_AHEAD terms behind.
template <int rows, int vectors, gc_lie lie, bool fetch, typename T>
GC_ONE_COPY void gc_rows_tiles(int all, const gc_factor<T>& left, const gc_terms<T>& b,
                               const gc_sums_of_rows<T>& c, gc_far far) {
  typedef typename gc_vector<T>::type V;
  constexpr int lanes = gc_vector<T>::lanes, width = vectors * lanes, end = width - lanes;
  const gc_first_lanes<T> last(c.columns - end);
  const T* __restrict__ a = left.first;
  const ptrdiff_t a_row = lie == GC_LIES_ACROSS ? 1 : left.row;
  const ptrdiff_t a_step = lie == GC_LIES_ALONG ? 1 : left.step;
  const ptrdiff_t b_row = b.row, c_row = c.row;
  const int k = b.count, there = k - b.copied;
  T* to = c.rows;
  for (int tile = 0; tile + rows <= all; tile += rows) {
    // Lines two tiles of rows ahead; or of b, whose vectors take turns, what is beside or behind;
    // or a tile's share of the lines behind the panel.
    const T* soon = a + 2 * GC_ROWS * a_row;
    ptrdiff_t soon_step = GC_ROWS;
    int most = k;
    if constexpr (fetch) {
      if (far == GC_FAR_NEXT) {
        constexpr int line = 64 / sizeof(T);
        most = (int)(k * b_row / line) * rows / all;
        soon = b.rows + k * b_row + (ptrdiff_t)(tile / rows) * most * line;
        soon_step = line;
      } else if (far != GC_FAR_LEFT) {
        soon = b.rows + (far == GC_FAR_BESIDE ? width : GC_AHEAD * b_row) +
               tile / GC_ROWS % vectors * lanes;
        soon_step = b_row;
      }
    }
    alignas(GC_VECTOR_BYTES) V sum[rows][vectors];
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) sum[r][v] = V{};
      if (c.ends == GC_CONTINUED) {
        if constexpr (vectors == 2) sum[r][0] = *reinterpret_cast<const V*>(to + r * c_row);
        sum[r][vectors - 1] = last.load(to + r * c_row + end);
      }
    }
    const T* left_term = a;
    const T* right_row = b.rows;
    ptrdiff_t right_step = b_row;
    int count = there;
    for (int part = 0;; ++part) {
      // Else g++ keeps all rows' addresses for what follows, in memory.
      asm("" : "+r"(left_term), "+r"(to));
      for (int i = 0; i < count; ++i) {
        if constexpr (fetch && lie == GC_LIES_ACROSS) {
          __builtin_prefetch(left_term + (i + GC_AHEAD) * a_step);
        }
        if constexpr (fetch) {
          if (i < most) __builtin_prefetch(soon + i * soon_step);
        }
        V right[vectors];
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) {
          V once = *reinterpret_cast<const V*>(right_row + v * lanes);
          GC_IN_REGISTER(once);
          right[v] = once;
        }
        // From the last row on: the other way round g++ 12 moves sums from register to register.
#pragma GCC unroll 8
        for (int r = rows - 1; r >= 0; --r) {
          const T factor = left_term[r * a_row + i * a_step];
#pragma GCC unroll 2
          for (int v = 0; v < vectors; ++v) sum[r][v] = gc_fma_lanes(factor, right[v], sum[r][v]);
        }
        right_row += right_step;
      }
      if (part == 1 || b.copied == 0) break;
      left_term = a + there * a_step;
      right_row = b.copy;
      right_step = width;
      count = b.copied;
    }
    if (c.ends == GC_ADDED) {
#pragma GCC unroll 8
      for (int r = 0; r < rows; ++r) {
        if constexpr (vectors == 2) sum[r][0] += *reinterpret_cast<const V*>(to + r * c_row);
        sum[r][vectors - 1] += last.load(to + r * c_row + end);
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
      if constexpr (vectors == 2) *reinterpret_cast<V*>(to + r * c_row) = sum[r][0];
      last.store(to + r * c_row + end, sum[r][vectors - 1]);
    }
    a += rows * a_row;
    to += rows * c_row;
  }
}

#if GC_ROWS == 8
#define GC_HEIGHTS 4
#else
#define GC_HEIGHTS 3
#endif

// gc_rows_tiles of 1, 2, 4, ... rows, of panels of so many vectors. What calls them takes them as
// data: a program has one copy of it, and not one for each width and each way to read. The few rows
// that no tall tile takes are read by their strides and fetch nothing, nor do panels of one vector:
// 12 copies (AVX-512), of which each takes g++ 15 ms.
template <typename T> struct gc_tiles {
  void (*of[GC_HEIGHTS])(int, const gc_factor<T>&, const gc_terms<T>&, const gc_sums_of_rows<T>&,
                         gc_far);
};

template <int vectors, gc_lie lie, bool fetch, typename T> constexpr gc_tiles<T> gc_tiles_of() {
  return {{gc_rows_tiles<1, vectors, GC_LIES_ANYHOW, false, T>,
           gc_rows_tiles<2, vectors, GC_LIES_ANYHOW, false, T>,
#if GC_ROWS == 8
           gc_rows_tiles<4, vectors, GC_LIES_ANYHOW, false, T>,
#endif
           gc_rows_tiles<GC_ROWS, vectors, lie, fetch, T>
  }};
}

// How rows are multiplied by panels: whether the left factor lies along its rows, what is far, and
// the tiles of panels of one vector and of two.
template <typename T> struct gc_reading {
  bool along;
  gc_far far;
  gc_tiles<T> tiles[2];
};

template <bool along, gc_far far, typename T> constexpr gc_reading<T> gc_reading_of() {
  constexpr bool fetch = far != GC_NEAR;
  constexpr gc_lie lie = along ? GC_LIES_ALONG : GC_LIES_ACROSS;
  return {along, far, {gc_tiles_of<1, lie, false, T>(), gc_tiles_of<2, lie, fetch, T>()}};
}

// All rows of a panel of so many vectors.
template <typename T>
inline void gc_rows_panel(const gc_reading<T>& way, int vectors, int rows, const T* a,
                          ptrdiff_t a_next, const gc_terms<T>& b, const gc_sums_of_rows<T>& c) {
  const ptrdiff_t a_row = way.along ? a_next : 1, a_step = way.along ? 1 : a_next;
  const auto multiply = [&](int height, int from, int all) {
    const gc_sums_of_rows<T> of_rows = {c.rows + from * c.row, c.row, c.columns, c.ends};
    way.tiles[vectors - 1].of[height](all, {a + from * a_row, a_row, a_step}, b, of_rows,
                                           way.far);
  };
  int row = rows / GC_ROWS * GC_ROWS;
  if (row > 0) multiply(GC_HEIGHTS - 1, 0, row);
  const int left = rows - row;
  if (c.ends == GC_STORED && row > 0 && (left & (left - 1)) != 0) {  // more than one tile below
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
