// Products by panels of columns, as loop programs use them. What multiplies is in a library that
// all programs share (panel_library.h), as g++ takes half a second for it.
#ifndef GC_HOST_PANEL_H
#define GC_HOST_PANEL_H

#include "host_transpose.h"

#define GC_PANEL_ROWS 128   // at most
#define GC_PANEL_BYTES 128  // of the columns of a panel, at most
#define GC_FEW_LINES 32     // that are all at hand while a few rows are multiplied

// How the left factor lies, along its rows or across them, and which factor is fetched into the
// cache, if one is; beside: the columns of the right one that follow the panel's; next: what is
// behind the panel in memory.
enum gc_way {
  GC_ALONG,
  GC_ALONG_AND_BESIDE,
  GC_ALONG_AND_LEFT,
  GC_ALONG_AND_NEXT,
  GC_ACROSS,
  GC_ACROSS_AND_RIGHT,
  GC_ACROSS_AND_BESIDE
};

// gc_panel_by_way of the library.
template <typename T>
using gc_panel_function = void (*)(gc_way, gc_sums, int rows, int columns, int depth, const T* left,
                                   ptrdiff_t left_next, const T* right, ptrdiff_t right_row, T* to,
                                   ptrdiff_t to_row);

// That of a type: of the library that is named by a variable, which is set when a program is loaded
// (host_panel_float32.h, host_panel_float64.h).
template <typename T> gc_panel_function<T> gc_panel_function_of();

// At most `high` rows and `wide` columns.
template <gc_sums sums, int high, int wide, typename T>
inline void gc_panel(gc_way way, int rows, int columns, int depth, const T* left,
                     ptrdiff_t left_next, const T* right, ptrdiff_t right_row, T* to,
                     ptrdiff_t to_row) {
  if (rows > high) rows = high;
  if (columns > wide) columns = wide;
  if (columns > (int)(GC_PANEL_BYTES / sizeof(T))) columns = GC_PANEL_BYTES / sizeof(T);
  if (depth > GC_DEPTH) depth = GC_DEPTH;
  gc_panel_function_of<T>()(way, sums, rows, columns, depth, left, left_next, right, right_row, to,
                            to_row);
}

#define GC_PANEL \
  template <gc_sums sums = GC_STORED, int high = GC_PANEL_ROWS, int wide = GC_PANEL_BYTES, \
            typename T>

// to[row][column] = (or +=, of GC_ADDED) sum over k of left[row][k] * right[k][column], for so many
// rows and columns at most, GC_PANEL_BYTES of columns and GC_DEPTH terms. Whole vectors of a row of
// `right` are read, but nothing behind the last column of the last row. The order of a sum is that
// of k.
GC_PANEL
inline void gc_panel_product(int rows, int columns, int depth, T* to, ptrdiff_t to_row,
                             const T* left, ptrdiff_t left_row, const T* right,
                             ptrdiff_t right_row) {
  gc_panel<sums, high, wide>(GC_ALONG, rows, columns, depth, left, left_row, right, right_row, to,
                             to_row);
}

// The same, and what is beside the columns of `right` is fetched into the cache meanwhile.
GC_PANEL
inline void gc_panel_product_and_fetch(int rows, int columns, int depth, T* to, ptrdiff_t to_row,
                                       const T* left, ptrdiff_t left_row, const T* right,
                                       ptrdiff_t right_row) {
  gc_panel<sums, high, wide>(GC_ALONG_AND_BESIDE, rows, columns, depth, left, left_row, right,
                             right_row, to, to_row);
}

// The same, and what follows `right` in memory is, as the panel that is multiplied next.
GC_PANEL
inline void gc_panel_product_and_fetch_next(int rows, int columns, int depth, T* to,
                                            ptrdiff_t to_row, const T* left, ptrdiff_t left_row,
                                            const T* right, ptrdiff_t right_row) {
  gc_panel<sums, high, wide>(GC_ALONG_AND_NEXT, rows, columns, depth, left, left_row, right,
                             right_row, to, to_row);
}

// The same, where neighbours of `left` are its rows: left[k][row].
GC_PANEL
inline void gc_panel_product_by_columns(int rows, int columns, int depth, T* to, ptrdiff_t to_row,
                                        const T* left, ptrdiff_t left_step, const T* right,
                                        ptrdiff_t right_row) {
  gc_panel<sums, high, wide>(GC_ACROSS, rows, columns, depth, left, left_step, right, right_row, to,
                             to_row);
}

// The same, and of `right` what follows is fetched into the cache meanwhile: the rows behind those
// of the call, or, if rows are long, what is beside its columns.
GC_PANEL
inline void gc_panel_product_by_columns_and_fetch_right(int rows, int columns, int depth, T* to,
                                                        ptrdiff_t to_row, const T* left,
                                                        ptrdiff_t left_step, const T* right,
                                                        ptrdiff_t right_row) {
  const bool is_short = right_row * sizeof(T) <= 4 * GC_PANEL_BYTES;
  gc_panel<sums, high, wide>(is_short ? GC_ACROSS_AND_RIGHT : GC_ACROSS_AND_BESIDE, rows, columns,
                             depth, left, left_step, right, right_row, to, to_row);
}

// The same without that, for few columns: what goes in is most of what is moved then. The lines of
// `left` that follow are fetched into the cache meanwhile, if those of all terms are few.
GC_PANEL
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
    gc_panel<sums, high, wide>(GC_ACROSS, tall, columns, depth, left + row, left_step, right,
                               right_row, to + row * to_row, to_row);
  }
}

// The same, where `left` is a panel of its rows, left[k][row], and neighbours of `right` are terms,
// right[column][k]: as many columns as rows elsewhere, and rows as columns. The panel is multiplied
// by the columns, which are read in order, and what comes of it is transposed.
template <gc_sums sums = GC_STORED, typename T>
inline void gc_panel_product_transposed(int rows, int columns, int depth, T* to, ptrdiff_t to_row,
                                        const T* left, ptrdiff_t left_step, const T* right,
                                        ptrdiff_t right_column) {
  constexpr int most = GC_PANEL_BYTES / sizeof(T);
  alignas(GC_VECTOR_BYTES) T product[GC_PANEL_ROWS * most];
  if (rows > most) rows = most;
  if (columns > GC_PANEL_ROWS) columns = GC_PANEL_ROWS;
  gc_panel<GC_STORED, GC_PANEL_ROWS, most>(GC_ALONG_AND_LEFT, columns, rows, depth, right,
                                           right_column, left, left_step, product, most);
  if (sums == GC_STORED) {
    gc_transpose<T>(columns, rows, product, most, to, to_row);
    return;
  }
  alignas(GC_VECTOR_BYTES) T added[most * GC_PANEL_ROWS];
  gc_transpose<T>(columns, rows, product, most, added, GC_PANEL_ROWS);
  for (int row = 0; row < rows; ++row) {
    const T* of_row = added + row * GC_PANEL_ROWS;
    for (int column = 0; column < columns; ++column) to[row * to_row + column] += of_row[column];
  }
}

// to[row][column] += sum over k of left[row][k] * right[k][column], term by term, for so many terms
// and columns at most.
template <int most_terms, int most_columns, typename T>
inline void gc_panel_product_add(int depth, int rows, int columns, T* to, ptrdiff_t to_row,
                                 const T* left, ptrdiff_t left_row, const T* right,
                                 ptrdiff_t right_row) {
  gc_panel_function_of<T>()(GC_ALONG, GC_CONTINUED, rows,
                            columns < most_columns ? columns : most_columns,
                            depth < most_terms ? depth : most_terms, left, left_row, right,
                            right_row, to, to_row);
}

#endif
