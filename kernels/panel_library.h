// Products by panels of columns (host_panel.h), in the library of them that all programs share.
#ifndef GC_PANEL_LIBRARY_H
#define GC_PANEL_LIBRARY_H

#include <string.h>

#include "host_panel.h"
#include "host_tiles.h"

// By gc_way.
template <typename T>
static constexpr gc_reading<T> gc_readings[] = {
    gc_reading_of<true, GC_NEAR, T>(),       gc_reading_of<true, GC_FAR_BESIDE, T>(),
    gc_reading_of<true, GC_FAR_LEFT, T>(),   gc_reading_of<true, GC_FAR_NEXT, T>(),
    gc_reading_of<false, GC_NEAR, T>(),      gc_reading_of<false, GC_FAR_RIGHT, T>(),
    gc_reading_of<false, GC_FAR_BESIDE, T>()};

// The columns of a panel from `from` on, of which a pair of vectors holds as many as there are.
// Where the rows of `to` are side by side, what a row has too much is overwritten by the next ones,
// unless sums are added to what is there.
// Where a row of `right` has fewer elements from there on than the vectors, `right_left`, the last
// rows are read from a copy.
template <typename T>
inline void gc_panel_columns_of(const gc_reading<T>& way, gc_sums sums, int halves, int rows,
                                int columns, int depth, const T* left, ptrdiff_t left_next,
                                const T* right, ptrdiff_t right_row, ptrdiff_t right_left, T* to,
                                ptrdiff_t to_row) {
  constexpr int half = gc_vector<T>::lanes / 2, most_width = 4 * half;
  const int width = halves * half;
  const bool is_close = right_left < width;
  int row = is_close ? 0 : rows;
  if (columns != width && row > 0) {
    const bool is_followed = sums == GC_STORED && to_row == columns;
    const int followed = is_followed ? rows - (width - 1) / columns : 0;  // by whole rows
    row = followed > 0 ? followed - followed % GC_ROWS : 0;
  }
  gc_rows_panel<T>(way, halves, row, depth, left, left_next, right, right_row, to, to_row, sums);
  if (row == rows) return;
  int last = is_close ? (int)((width - columns + right_row - 1) / right_row) : 0;
  if (last > depth) last = depth;
  const int most = depth - last;
  constexpr int together = 8 * GC_ROWS;
  alignas(GC_VECTOR_BYTES) T whole[together * most_width], copy[most_width * most_width];
  for (int i = 0; i < last; ++i) {
    for (int j = 0; j < width; ++j) {
      copy[i * width + j] = j < columns ? right[(most + i) * right_row + j] : T(0);
    }
  }
  const ptrdiff_t left_row = way.along ? left_next : 1, left_step = way.along ? 1 : left_next;
  for (; row < rows; row += together) {
    const int high = rows - row < together ? rows - row : together;
    gc_rows_panel<T>(way, halves, high, most, left + row * left_row, left_next, right, right_row,
                     whole, width, GC_STORED);
    if (last > 0) {
      gc_rows_panel<T>(way, halves, high, last, left + row * left_row + most * left_step,
                       left_next, copy, width, whole, width, GC_CONTINUED);
    }
    for (int i = 0; i < high; ++i) {
      T* const of_row = to + (row + i) * to_row;
      for (int j = 0; sums == GC_ADDED && j < columns; ++j) whole[i * width + j] += of_row[j];
      memcpy(of_row, whole + i * width, columns * sizeof(T));
    }
  }
}

template <typename T>
void gc_panel_by_way(gc_way way, gc_sums sums, int rows, int columns, int depth, const T* left,
                     ptrdiff_t left_next, const T* right, ptrdiff_t right_row, T* to,
                     ptrdiff_t to_row) {
  constexpr int lanes = gc_vector<T>::lanes, half = lanes / 2, most = GC_PANEL_BYTES / sizeof(T);
  if (columns > most) columns = most;
  if (depth > GC_DEPTH) depth = GC_DEPTH;
  for (int from = 0; from < columns; from += 2 * lanes) {
    const int wide = columns - from < 2 * lanes ? columns - from : 2 * lanes;
    gc_panel_columns_of<T>(gc_readings<T>[way], sums, (wide + half - 1) / half, rows, wide, depth,
                           left, left_next, right + from, right_row, right_row - from, to + from,
                           to_row);
  }
}

// The columns of a panel of so many halves of a vector that are fewer than those, from copies of
// whole vectors.
template <typename T>
inline void gc_add_columns(const gc_reading<T>& way, int halves, int rows, int columns, int depth,
                           const T* left, ptrdiff_t left_row, const T* right, ptrdiff_t right_row,
                           T* to, ptrdiff_t to_row) {
  constexpr int half = gc_vector<T>::lanes / 2, most_width = 4 * half;
  const int width = halves * half;
  if (columns == width) {
    gc_rows_panel<T>(way, halves, rows, depth, left, left_row, right, right_row, to, to_row,
                     GC_CONTINUED);
    return;
  }
  // The last rows of `right`, of which whole vectors are not all there.
  int last = (int)((width - columns + right_row - 1) / right_row);
  if (last > depth) last = depth;
  const int most = depth - last;
  alignas(GC_VECTOR_BYTES) T whole[GC_ROWS * most_width] = {}, copy[most_width * most_width] = {};
  for (int i = 0; i < last; ++i) {
    memcpy(copy + i * width, right + (most + i) * right_row, columns * sizeof(T));
  }
  for (int row = 0; row < rows; row += GC_ROWS) {
    const int high = rows - row < GC_ROWS ? rows - row : GC_ROWS;
    const T* from = left + row * left_row;
    for (int i = 0; i < high; ++i) {  // behind the columns any numbers will do
      memcpy(whole + i * width, to + (row + i) * to_row, columns * sizeof(T));
    }
    gc_rows_panel<T>(way, halves, high, most, from, left_row, right, right_row, whole, width,
                     GC_CONTINUED);
    gc_rows_panel<T>(way, halves, high, last, from + most, left_row, copy, width, whole, width,
                     GC_CONTINUED);
    for (int i = 0; i < high; ++i) {
      memcpy(to + (row + i) * to_row, whole + i * width, columns * sizeof(T));
    }
  }
}

template <typename T>
void gc_panel_add_by_rows(int rows, int columns, int depth, const T* left, ptrdiff_t left_row,
                          const T* right, ptrdiff_t right_row, T* to, ptrdiff_t to_row) {
  constexpr int lanes = gc_vector<T>::lanes, half = lanes / 2;
  for (int from = 0; from < columns; from += 2 * lanes) {
    const int wide = columns - from < 2 * lanes ? columns - from : 2 * lanes;
    gc_add_columns<T>(gc_readings<T>[GC_ALONG], (wide + half - 1) / half, rows, wide, depth, left,
                      left_row, right + from, right_row, to + from, to_row);
  }
}

#endif
