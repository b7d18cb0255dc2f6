// Products by panels of columns, as loop programs use them.
#ifndef GC_HOST_PANEL_H
#define GC_HOST_PANEL_H

#include <string.h>

#include "host_rows.h"
#include "host_transpose.h"

#define GC_PANEL_ROWS 128   // at most
#define GC_PANEL_BYTES 128  // of the columns of a panel, at most
#define GC_FEW_LINES 32     // that are all at hand while a few rows are multiplied

// The columns of a panel from `from` on, of which a pair of vectors holds as many as there are.
// Where the rows of `to` are side by side, what a row has too much is overwritten by the next ones.
// Where a row of `right` has fewer elements from there on than the vectors, `right_left`, the last
// rows are read from a copy.
template <typename T>
inline void gc_panel_columns_of(const gc_way<T>& way, int halves, int rows, int columns, int depth,
                                const T* left, ptrdiff_t left_next, const T* right,
                                ptrdiff_t right_row, ptrdiff_t right_left, T* to,
                                ptrdiff_t to_row) {
  constexpr int half = gc_vector<T>::lanes / 2, most_width = 4 * half;
  const int width = halves * half;
  const bool is_close = right_left < width;
  int row = is_close ? 0 : rows;
  if (columns != width && row > 0) {
    const int followed = to_row == columns ? rows - (width - 1) / columns : 0;  // by whole rows
    row = followed > 0 ? followed - followed % GC_ROWS : 0;
  }
  gc_rows_panel<T>(way, halves, row, depth, left, left_next, right, right_row, to, to_row, true);
  if (row == rows) return;
  int last = is_close ? (int)((width - columns + right_row - 1) / right_row) : 0;
  if (last > depth) last = depth;
  const int most = depth - last;
  alignas(GC_VECTOR_BYTES) T whole[GC_ROWS * most_width], copy[most_width * most_width];
  for (int i = 0; i < last; ++i) {
    for (int j = 0; j < width; ++j) {
      copy[i * width + j] = j < columns ? right[(most + i) * right_row + j] : T(0);
    }
  }
  const ptrdiff_t left_row = way.along ? left_next : 1, left_step = way.along ? 1 : left_next;
  for (; row < rows; row += GC_ROWS) {
    const int high = rows - row < GC_ROWS ? rows - row : GC_ROWS;
    gc_rows_panel<T>(way, halves, high, most, left + row * left_row, left_next, right, right_row,
                     whole, width, true);
    if (last > 0) {
      gc_rows_panel<T>(way, halves, high, last, left + row * left_row + most * left_step,
                       left_next, copy, width, whole, width, false);
    }
    for (int i = 0; i < high; ++i) {
      memcpy(to + (row + i) * to_row, whole + i * width, columns * sizeof(T));
    }
  }
}

template <typename T>
GC_ONE_COPY void gc_panel_by_way(const gc_way<T>& way, int rows, int columns, int depth,
                                 const T* left, ptrdiff_t left_next, const T* right,
                                 ptrdiff_t right_row, T* to, ptrdiff_t to_row) {
  constexpr int lanes = gc_vector<T>::lanes, half = lanes / 2, most = GC_PANEL_BYTES / sizeof(T);
  if (columns > most) columns = most;
  if (depth > GC_DEPTH) depth = GC_DEPTH;
  for (int from = 0; from < columns; from += 2 * lanes) {
    const int wide = columns - from < 2 * lanes ? columns - from : 2 * lanes;
    gc_panel_columns_of<T>(way, (wide + half - 1) / half, rows, wide, depth, left, left_next,
                           right + from, right_row, right_row - from, to + from, to_row);
  }
}

template <int high, bool along, gc_far far, typename T>
inline void gc_panel(int rows, int columns, int depth, const T* left, ptrdiff_t left_next,
                     const T* right, ptrdiff_t right_row, T* to, ptrdiff_t to_row) {
  gc_panel_by_way<T>(gc_way_of<along, far, T>(), rows < high ? rows : high, columns, depth, left,
                     left_next, right, right_row, to, to_row);
}

// to[row][column] = sum over k of left[row][k] * right[k][column], for at most `high` rows,
// GC_PANEL_BYTES of columns and GC_DEPTH terms. Whole halves of
// vectors of a row of `right` are read, no more than 64 bytes of fewer columns, but nothing beyond
// rows that are closer than that. The order of a sum is that of k.
template <int high = GC_PANEL_ROWS, typename T>
inline void gc_panel_product(int rows, int columns, int depth, T* to, ptrdiff_t to_row,
                             const T* left, ptrdiff_t left_row, const T* right,
                             ptrdiff_t right_row) {
  gc_panel<high, true, GC_NEAR, T>(rows, columns, depth, left, left_row, right, right_row, to,
                                   to_row);
}

// The same, and what is beside the columns of `right` is fetched into the cache meanwhile.
template <int high = GC_PANEL_ROWS, typename T>
inline void gc_panel_product_and_fetch(int rows, int columns, int depth, T* to, ptrdiff_t to_row,
                                       const T* left, ptrdiff_t left_row, const T* right,
                                       ptrdiff_t right_row) {
  gc_panel<high, true, GC_FAR_BESIDE, T>(rows, columns, depth, left, left_row, right, right_row,
                                         to, to_row);
}

// The same, where neighbours of `left` are its rows: left[k][row].
template <int high = GC_PANEL_ROWS, typename T>
inline void gc_panel_product_by_columns(int rows, int columns, int depth, T* to, ptrdiff_t to_row,
                                        const T* left, ptrdiff_t left_step, const T* right,
                                        ptrdiff_t right_row) {
  gc_panel<high, false, GC_NEAR, T>(rows, columns, depth, left, left_step, right, right_row, to,
                                    to_row);
}

// The same, and of `right` what follows is fetched into the cache meanwhile: the rows behind those
// of the call, or, if rows are long, what is beside its columns.
template <int high = GC_PANEL_ROWS, typename T>
inline void gc_panel_product_by_columns_and_fetch_right(int rows, int columns, int depth, T* to,
                                                        ptrdiff_t to_row, const T* left,
                                                        ptrdiff_t left_step, const T* right,
                                                        ptrdiff_t right_row) {
  (right_row * sizeof(T) <= 4 * GC_PANEL_BYTES ? gc_panel<high, false, GC_FAR_RIGHT, T>
                                               : gc_panel<high, false, GC_FAR_BESIDE, T>)(
      rows, columns, depth, left, left_step, right, right_row, to, to_row);
}

// The same without that, for few columns: what goes in is most of what is moved then. The lines of
// `left` that follow are fetched into the cache meanwhile, if those of all terms are few.
template <int high = GC_PANEL_ROWS, typename T>
inline void gc_panel_product_by_columns_and_fetch(int rows, int columns, int depth, T* to,
                                                  ptrdiff_t to_row, const T* left,
                                                  ptrdiff_t left_step, const T* right,
                                                  ptrdiff_t right_row) {
  constexpr int line = 64 / sizeof(T);
  if (rows > high) rows = high;
  const int step = depth > GC_FEW_LINES ? rows : line;
  for (int row = 0; row < rows; row += step) {
    const int tall = rows - row < step ? rows - row : step;
    if (step == line) {
      for (int i = 0; i < depth; ++i) __builtin_prefetch(left + row + 4 * line + i * left_step);
    }
    gc_panel<high, false, GC_NEAR, T>(tall, columns, depth, left + row, left_step, right, right_row,
                                      to + row * to_row, to_row);
  }
}

// The same, where `left` is a panel of its rows, left[k][row], and neighbours of `right` are terms,
// right[column][k]: as many columns as rows elsewhere, and rows as columns. The panel is multiplied
// by the columns, which are read in order, and what comes of it is transposed.
template <typename T>
inline void gc_panel_product_transposed(int rows, int columns, int depth, T* to, ptrdiff_t to_row,
                                    const T* left, ptrdiff_t left_step, const T* right,
                                    ptrdiff_t right_column) {
  constexpr int half = gc_vector<T>::lanes / 2, most = GC_PANEL_BYTES / sizeof(T);
  alignas(GC_VECTOR_BYTES) T sums[GC_PANEL_ROWS * most];
  if (rows > most) rows = most;
  if (columns > GC_PANEL_ROWS) columns = GC_PANEL_ROWS;
  const int wide = (rows + half - 1) / half * half;  // a panel has room for whole vectors
  gc_panel<GC_PANEL_ROWS, true, GC_FAR_LEFT, T>(columns, wide, depth, right, right_column, left,
                                                left_step, sums, most);
  gc_transpose<T>(columns, rows, sums, most, to, to_row);
}

#endif
