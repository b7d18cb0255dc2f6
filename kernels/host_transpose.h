// Transposing on a CPU, square blocks of vectors at a time.
#ifndef GC_HOST_TRANSPOSE_H
#define GC_HOST_TRANSPOSE_H

#include "host_gemm.h"

// The numbers from 0 to count - 1 as arguments of a template. <utility> has them, too, which g++
// reads for longer than it compiles a transposition.
template <int... number> struct gc_numbers {};
template <int count, int... number>
struct gc_numbers_below : gc_numbers_below<count - 1, count - 1, number...> {};
template <int... number> struct gc_numbers_below<0, number...> {
  typedef gc_numbers<number...> type;
};

// By turns the elements of a and of b, from element `begin` of each on.
template <int begin, typename T, int... lane>
inline typename gc_vector<T>::type gc_interleaved(typename gc_vector<T>::type a,
                                                  typename gc_vector<T>::type b,
                                                  gc_numbers<lane...>) {
  constexpr int lanes = gc_vector<T>::lanes;
#if defined(__clang__)
  return __builtin_shufflevector(a, b, (begin + lane / 2 + lane % 2 * lanes)...);
#else
  typedef typename gc_mask_element<T>::type mask __attribute__((vector_size(GC_VECTOR_BYTES)));
  return __builtin_shuffle(a, b, mask{(begin + lane / 2 + lane % 2 * lanes)...});
#endif
}

// A block of as many rows as a vector has lanes, of which `columns` columns, at most `most`, are
// written. Each round interleaves the first half of the rows with the second one, which moves a bit
// of the row's number to the lane's.
template <typename T, int most = gc_vector<T>::lanes>
inline void gc_transpose_block(const T* from, ptrdiff_t from_row, T* to, ptrdiff_t to_row,
                               int columns = most) {
  typedef typename gc_vector<T>::type V;
  constexpr int lanes = gc_vector<T>::lanes;
  constexpr typename gc_numbers_below<lanes>::type all{};
  V row[lanes], next[lanes];
#pragma GCC unroll 16
  for (int i = 0; i < lanes; ++i) row[i] = *reinterpret_cast<const V*>(from + i * from_row);
#pragma GCC unroll 4
  for (int round = 1; round < lanes; round *= 2) {
#pragma GCC unroll 16
    for (int i = 0; i < lanes / 2; ++i) {
      next[2 * i] = gc_interleaved<0, T>(row[i], row[i + lanes / 2], all);
      next[2 * i + 1] = gc_interleaved<lanes / 2, T>(row[i], row[i + lanes / 2], all);
    }
#pragma GCC unroll 16
    for (int i = 0; i < lanes; ++i) row[i] = next[i];
  }
#pragma GCC unroll 16
  for (int i = 0; i < most; ++i) {
    if (i < columns) *reinterpret_cast<V*>(to + i * to_row) = row[i];
  }
}

// to[j][i] = from[i][j]. Where a side is no whole number of blocks, the last one begins inside of
// the one ahead of it. Blocks follow each other along a row of `from`, or down its columns.
template <typename T>
inline void gc_transpose_blocks(int rows, int columns, const T* __restrict__ from,
                                ptrdiff_t from_row, T* __restrict__ to, ptrdiff_t to_row,
                                bool along_rows) {
  constexpr int lanes = gc_vector<T>::lanes;
  const int outer = along_rows ? rows : columns, inner = along_rows ? columns : rows;
  for (int k = 0; k < outer; k += lanes) {
    const int across = k + lanes <= outer ? k : outer - lanes;
    for (int m = 0; m < inner; m += lanes) {
      const int along = m + lanes <= inner ? m : inner - lanes;
      const int i = along_rows ? across : along, j = along_rows ? along : across;
      gc_transpose_block(from + i * from_row + j, from_row, to + j * to_row + i, to_row);
    }
  }
}

// The same of rows that are shorter than a vector: one is read with what lies behind it. The last
// rows are read of a copy, which has something there.
template <int most, typename T>
inline void gc_transpose_short_rows(int rows, int columns, const T* __restrict__ from,
                                    ptrdiff_t from_row, T* __restrict__ to, ptrdiff_t to_row) {
  constexpr int lanes = gc_vector<T>::lanes;
  int i = 0;
  for (; i + lanes < rows; i += lanes) {
    gc_transpose_block<T, most>(from + i * from_row, from_row, to + i, to_row, columns);
  }
  T last[lanes * lanes];
  i = rows - lanes;
  for (int row = 0; row < lanes; ++row) {
    for (int j = 0; j < columns; ++j) last[row * lanes + j] = from[(i + row) * from_row + j];
  }
  gc_transpose_block<T, most>(last, lanes, to + i, to_row, columns);
}

// The same of sides of any length, of at most so many columns.
template <typename T, int most_columns>
inline void gc_transpose_in_order(int rows, int columns, const T* __restrict__ from,
                                  ptrdiff_t from_row, T* __restrict__ to, ptrdiff_t to_row,
                                  bool along_rows) {
  constexpr int lanes = gc_vector<T>::lanes, most = most_columns < lanes ? most_columns : lanes;
  if (rows >= lanes && columns >= lanes) {
    gc_transpose_blocks(rows, columns, from, from_row, to, to_row, along_rows);
  } else if (rows >= lanes && 4 * columns >= lanes && from_row + columns >= lanes) {
    gc_transpose_short_rows<most>(rows, columns, from, from_row, to, to_row);
  } else {
    for (int i = 0; i < rows; ++i) {
      for (int j = 0; j < columns; ++j) to[j * to_row + i] = from[i * from_row + j];
    }
  }
}

// The same. Blocks go along the longer side: of few long rows, what is read and what is written is
// side by side then.
template <typename T, int most_columns = gc_vector<T>::lanes>
inline void gc_transpose(int rows, int columns, const T* __restrict__ from, ptrdiff_t from_row,
                         T* __restrict__ to, ptrdiff_t to_row) {
  gc_transpose_in_order<T, most_columns>(rows, columns, from, from_row, to, to_row,
                                         columns > rows);
}

// The same of a tile: up to `most_rows` rows of up to `most_columns` elements.
template <int most_columns, int most_rows, typename T>
inline void gc_transpose_tile(int columns, int rows, const T* __restrict__ from,
                              ptrdiff_t from_row, T* __restrict__ to, ptrdiff_t to_row) {
  gc_transpose<T, most_columns>(
      rows < most_rows ? rows : most_rows, columns < most_columns ? columns : most_columns, from,
      from_row, to, to_row);
}

// The same into an array of a thread that is no larger than the tile, all of it in the first
// cache: blocks go along the rows that are read.
template <int most_columns, int most_rows, typename T>
inline void gc_transpose_to_tile(int columns, int rows, const T* __restrict__ from,
                                 ptrdiff_t from_row, T* __restrict__ to, ptrdiff_t to_row) {
  gc_transpose_in_order<T, most_columns>(
      rows < most_rows ? rows : most_rows, columns < most_columns ? columns : most_columns, from,
      from_row, to, to_row, true);
}

#endif
