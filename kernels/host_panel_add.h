// Products by panels of columns that are added to what is there.
#ifndef GC_HOST_PANEL_ADD_H
#define GC_HOST_PANEL_ADD_H

#include <string.h>

#include "host_rows.h"

// The columns of a panel of so many halves of a vector that are fewer than those, from copies of
// whole vectors.
template <typename T>
GC_ONE_COPY void gc_add_columns(const gc_way<T>& way, int halves, int rows, int columns, int depth,
                                const T* left, ptrdiff_t left_row, const T* right,
                                ptrdiff_t right_row, T* to, ptrdiff_t to_row) {
  constexpr int half = gc_vector<T>::lanes / 2, most_width = 4 * half;
  const int width = halves * half;
  if (columns == width) {
    gc_rows_panel<T>(way, halves, rows, depth, left, left_row, right, right_row, to, to_row, false);
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
                     false);
    gc_rows_panel<T>(way, halves, high, last, from + most, left_row, copy, width, whole, width,
                     false);
    for (int i = 0; i < high; ++i) {
      memcpy(to + (row + i) * to_row, whole + i * width, columns * sizeof(T));
    }
  }
}

// to[row][column] += sum over k of left[row][k] * right[k][column], term by term, for so many terms
// and columns at most. Nothing beyond the columns of the last rows of `right` is read.
template <int most_terms, int most_columns, typename T>
inline void gc_panel_product_add(int depth, int rows, int columns, T* to, ptrdiff_t to_row,
                                 const T* left, ptrdiff_t left_row, const T* right,
                                 ptrdiff_t right_row) {
  constexpr int lanes = gc_vector<T>::lanes, half = lanes / 2;
  const gc_way<T>& way = gc_way_of<true, GC_NEAR, T>();
  if (depth > most_terms) depth = most_terms;
  if (columns > most_columns) columns = most_columns;
  for (int from = 0; from < columns; from += 2 * lanes) {
    const int wide = columns - from < 2 * lanes ? columns - from : 2 * lanes;
    gc_add_columns<T>(way, (wide + half - 1) / half, rows, wide, depth, left, left_row,
                      right + from, right_row, to + from, to_row);
  }
}

#endif
