// Products of the windows of an image and a matrix with a row for each place in a window, as in the
// gradient of a convolution's weights: windows are few and long, and are read where they are.
#ifndef GC_HOST_WINDOW_SUMS_H
#define GC_HOST_WINDOW_SUMS_H

#include "host_gemm.h"

// Places that are added up together: `outer` times `inner` of them, with their steps in the image
// and in the matrix.
struct gc_window_places {
  int outer, inner;
  ptrdiff_t image_outer, image_inner, matrix_outer, matrix_inner;
};

// to[row][column] += sum over places of of_row[row][place] * matrix[place][column] for the rows of
// a tile and as many columns as some vectors have, of which `columns` are stored.
template <int height, int vectors, typename T>
inline void gc_window_tile(int rows, int columns, const gc_window_places& places,
                           const T* const (&of_row)[height], const T* __restrict__ matrix,
                           T* __restrict__ to, ptrdiff_t to_row) {
  typedef typename gc_vector<T>::type V;
  constexpr int lanes = gc_vector<T>::lanes;
  alignas(GC_VECTOR_BYTES) V sum[height][vectors];
#pragma GCC unroll 12
  for (int r = 0; r < height; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) sum[r][v] = V{};
  }
  const int count = places.outer * places.inner;
  const ptrdiff_t step = places.image_inner, matrix_step = places.matrix_inner;
  const ptrdiff_t behind = places.image_outer - (places.inner - 1) * step;
  const ptrdiff_t matrix_behind = places.matrix_outer - (places.inner - 1) * matrix_step;
  ptrdiff_t at = 0;
  int left = places.inner;
#pragma GCC unroll 1
  for (int place = 0; place < count; ++place) {
    V right[vectors];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) {
      right[v] = *reinterpret_cast<const V*>(matrix + v * lanes);
      GC_IN_REGISTER(right[v]);
    }
#pragma GCC unroll 12
    for (int r = 0; r < height; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) {
        sum[r][v] = gc_fma_lanes(of_row[r][at], right[v], sum[r][v]);
      }
    }
    --left;
    at += left ? step : behind;
    matrix += left ? matrix_step : matrix_behind;
    left = left ? left : places.inner;
  }
  gc_store_tile<height, T>(sum, to, to_row, rows, columns, false);
}

// The same for all windows and columns. Windows have axes: along each but the first one there are
// so many, which in the image are a step apart; all of them follow each other in `to`.
template <int height, int... counts, typename T>
inline void gc_window_chunk(int windows, int columns, const gc_window_places& places,
                            const T* image, const ptrdiff_t* steps, const T* matrix, T* to) {
  constexpr int lanes = gc_vector<T>::lanes, inner = sizeof...(counts);
  constexpr int ends[] = {0, counts...};
  const int rows = (windows * ... * counts);
  int at[inner + 1] = {};
  const T* next = image;
  for (int row = 0; row < rows; row += height) {
    const int high = rows - row < height ? rows - row : height;
    const T* of_row[height];
    for (int r = 0; r < height; ++r) {
      of_row[r] = r < high ? next : of_row[0];
      if (r >= high) continue;
      int axis = inner;
      for (; axis > 0; --axis) {
        next += steps[axis];
        if (++at[axis] < ends[axis]) break;
        next -= ends[axis] * steps[axis];
        at[axis] = 0;
      }
      if (axis == 0) next += steps[0];
    }
    T* of_tile = to + (ptrdiff_t)row * columns;
    for (int column = 0; column < columns; column += 2 * lanes) {
      const int left = columns - column;
      if (left > lanes) {
        gc_window_tile<height, 2, T>(high, left < 2 * lanes ? left : 2 * lanes, places, of_row,
                                     matrix + column, of_tile + column, columns);
      } else {
        gc_window_tile<height, 1, T>(high, left, places, of_row, matrix + column, of_tile + column,
                                     columns);
      }
    }
  }
}

// The places of a window have two axes, the first of which is divided into chunks of `length`, but
// for the last one.
template <int height, int length, int last, int... counts, typename T, typename... Steps>
inline void gc_window_chunks(int chunks, int windows, int columns, int inner, T* to,
                             const T* matrix, ptrdiff_t matrix_outer, ptrdiff_t matrix_inner,
                             const T* image, ptrdiff_t image_outer, ptrdiff_t image_inner,
                             Steps... steps) {
  const ptrdiff_t of_windows[] = {(ptrdiff_t)steps..., 0};
  for (int chunk = 0; chunk < chunks; ++chunk) {
    const gc_window_places places = {chunk + 1 < chunks ? length : last, inner, image_outer,
                                     image_inner, matrix_outer, matrix_inner};
    const ptrdiff_t begin = (ptrdiff_t)chunk * length;
    gc_window_chunk<height, counts...>(windows, columns, places, image + begin * image_outer,
                                       of_windows, matrix + begin * matrix_outer, to);
  }
}

// The same of one axis.
template <int height, int length, int last, int... counts, typename T, typename... Steps>
inline void gc_window_chunks(int chunks, int windows, int columns, T* to, const T* matrix,
                             ptrdiff_t matrix_step, const T* image, ptrdiff_t image_step,
                             Steps... steps) {
  const ptrdiff_t of_windows[] = {(ptrdiff_t)steps..., 0};
  for (int chunk = 0; chunk < chunks; ++chunk) {
    const gc_window_places places = {1, chunk + 1 < chunks ? length : last, 0, image_step,
                                     0, matrix_step};
    const ptrdiff_t begin = (ptrdiff_t)chunk * length;
    gc_window_chunk<height, counts...>(windows, columns, places, image + begin * image_step,
                                       of_windows, matrix + begin * matrix_step, to);
  }
}

// The same of one place.
template <int height, int length, int last, int... counts, typename T, typename... Steps>
inline void gc_window_chunks(int, int windows, int columns, T* to, const T* matrix, const T* image,
                             Steps... steps) {
  const ptrdiff_t of_windows[] = {(ptrdiff_t)steps..., 0};
  gc_window_chunk<height, counts...>(windows, columns, gc_window_places{1, 1, 0, 0, 0, 0}, image,
                                     of_windows, matrix, to);
}

// The same, given the number of windows along their first axis, if they have one, and that of
// columns, if there are several.
template <int height, int length, int last, bool has_windows, bool has_columns, int... counts,
          typename... Rest>
inline void gc_window_sums(int chunks, Rest... rest) {
  if constexpr (has_windows && has_columns) {
    gc_window_chunks<height, length, last, counts...>(chunks, rest...);
  } else if constexpr (has_windows) {
    [&](int windows, auto... others) {
      gc_window_chunks<height, length, last, counts...>(chunks, windows, 1, others...);
    }(rest...);
  } else {
    gc_window_chunks<height, length, last>(chunks, 1, rest...);
  }
}

#endif
