// Products by panels of columns (host_panel.h), in the library of them that all programs share.
#ifndef GC_PANEL_LIBRARY_H
#define GC_PANEL_LIBRARY_H

#include "host_panel.h"
#include "host_tiles.h"

// By gc_way.
template <typename T>
static constexpr gc_reading<T> gc_readings[] = {
    gc_reading_of<true, GC_NEAR, T>(),       gc_reading_of<true, GC_FAR_BESIDE, T>(),
    gc_reading_of<true, GC_FAR_LEFT, T>(),   gc_reading_of<true, GC_FAR_NEXT, T>(),
    gc_reading_of<false, GC_NEAR, T>(),      gc_reading_of<false, GC_FAR_RIGHT, T>(),
    gc_reading_of<false, GC_FAR_BESIDE, T>()};

// Columns of a panel, up to two vectors. Of the last rows of `right`, of which whole vectors
// are not there, a copy is read: nothing is read behind the last column of the last row.
template <typename T>
inline void gc_panel_columns(const gc_reading<T>& way, gc_sums sums, int rows, int columns,
                             int depth, const T* left, ptrdiff_t left_next, const T* right,
                             ptrdiff_t right_row, T* to, ptrdiff_t to_row) {
  typedef typename gc_vector<T>::type V;
  constexpr int lanes = gc_vector<T>::lanes;
  const int vectors = (columns + lanes - 1) / lanes, width = vectors * lanes;
  int copied = (int)((width - columns + right_row - 1) / right_row);
  if (copied > depth) copied = depth;
  alignas(GC_VECTOR_BYTES) T copy[lanes * 2 * lanes];
  const gc_first_lanes<T> last(columns - width + lanes);
  for (int i = 0; i < copied; ++i) {
    const T* from = right + (depth - copied + i) * right_row;
    T* const to_copy = copy + i * width;
    if (vectors == 2) *(V*)to_copy = *(const V*)from;
    *(V*)(to_copy + width - lanes) = last.load(from + width - lanes);
  }
  gc_rows_panel<T>(way, vectors, rows, left, left_next, {depth, right, right_row, copied, copy},
                   {to, to_row, columns, sums});
}

template <typename T>
void gc_panel_by_way(gc_way way, gc_sums sums, int rows, int columns, int depth, const T* left,
                     ptrdiff_t left_next, const T* right, ptrdiff_t right_row, T* to,
                     ptrdiff_t to_row) {
  constexpr int most = 2 * gc_vector<T>::lanes;
  for (int from = 0; from < columns; from += most) {
    const int wide = columns - from < most ? columns - from : most;
    gc_panel_columns<T>(gc_readings<T>[way], sums, rows, wide, depth, left, left_next,
                        right + from, right_row, to + from, to_row);
  }
}

#endif
