// Products whose rows are too few for threads to divide: sums over parts of k, made apart, or bands
// of columns.
//
// Where the rows are few indeed, the right factor is read where it lies: to copy it into panels
// would take longer than to multiply it.
#ifndef GC_HOST_PARTS_H
#define GC_HOST_PARTS_H

#include "host_rows.h"
#include "host_transpose.h"

#define GC_MOST_PARTS 64
#define GC_PARTS_ELEMENTS (1 << 22)  // of all parts of a sum over k, about
#define GC_PART_ROWS 384
#define GC_PART_COLUMNS 512

// How many of k a part has whose sums are made apart, by the sizes alone.
inline int gc_part_depth(int m, int n, int k) {
  if (k == 0 || m == 0 || n == 0) return GC_DEPTH;
  const gc_int64 room = GC_PARTS_ELEMENTS / ((gc_int64)m * n);
  const gc_int64 most = room < 1 ? 1 : room < GC_MOST_PARTS ? room : GC_MOST_PARTS;
  return (int)((k + most * GC_DEPTH - 1) / (most * GC_DEPTH)) * GC_DEPTH;
}

// A sum of nothing has one part, of zeros.
inline int gc_part_count(int k, int depth) { return k == 0 ? 1 : (k + depth - 1) / depth; }

#define GC_FEW_ROWS 32  // up to which no factor is packed
#define GC_BAND 64      // columns that are made at once where those of the right factor are rows

// c[m][n] = sum over i of a[m][i] * b[i][n], where the terms of a and the columns of b are
// neighbours. Whole vectors of b are read, beyond the end of a row from the next one: what comes of
// that is left out.
template <typename T>
__attribute__((noinline)) static void gc_few_rows(int m, int n, int k, const T* a, ptrdiff_t a_row,
                                                  const T* b, ptrdiff_t b_step, T* c,
                                                  ptrdiff_t c_row) {
  constexpr int lanes = gc_vector<T>::lanes;
  const int width = (n + lanes - 1) / lanes * lanes;
  T* sums = gc_scratch<T>(GC_GEMM_RIGHT, (size_t)m * width);
  // The last terms, from which a vector would read beyond the end of b, are copied.
  const int more = (int)((width - n + b_step - 1) / b_step), copied = k < more ? k : more;
  const int whole = k - copied;
  for (int start = 0; start < whole; start += GC_DEEP) {
    const int depth = whole - start < GC_DEEP ? whole - start : GC_DEEP;
    const T* line = b + start * b_step;
    int from = 0;
    for (; from + 2 * lanes <= width; from += 2 * lanes) {
      gc_rows_panel<2 * lanes, true, GC_FAR_RIGHT, T>(m, depth, a + start, a_row, line + from,
                                                      b_step, sums + from, width, start == 0);
    }
    if (from < width) {
      gc_rows_panel<lanes, true, GC_FAR_RIGHT, T>(m, depth, a + start, a_row, line + from, b_step,
                                                  sums + from, width, start == 0);
    }
  }
  for (int from = 0; copied > 0 && from < width; from += lanes) {
    alignas(64) T last[lanes * lanes];
    for (int i = 0; i < copied; ++i) {
      for (int j = 0; j < lanes; ++j) {
        last[i * lanes + j] = from + j < n ? b[(whole + i) * b_step + from + j] : T(0);
      }
    }
    gc_rows_panel<lanes, true, GC_NEAR, T>(m, copied, a + whole, a_row, last, lanes, sums + from,
                                           width, whole == 0);
  }
  for (int i = 0; i < m; ++i) {
    for (int j = 0; j < n; ++j) c[i * c_row + j] = sums[i * width + j];
  }
}

// The same where the terms of b are neighbours, too: b's columns are the rows of another product,
// whose right factor is a, turned and copied.
template <typename T>
__attribute__((noinline)) static void gc_few_rows_turned(int m, int n, int k, const T* a,
                                                         ptrdiff_t a_row, ptrdiff_t a_step,
                                                         const T* b, ptrdiff_t b_column, T* c,
                                                         ptrdiff_t c_row) {
  constexpr int lanes = gc_vector<T>::lanes;
  const int width = (m + lanes - 1) / lanes * lanes;
  T* panels = gc_scratch<T>(GC_GEMM_RIGHT, (size_t)width * k);
  T* sums = gc_scratch<T>(GC_GEMM_LEFT, (size_t)width * GC_BAND);
  for (int from = 0; from < width; from += 2 * lanes) {
    gc_rows_lay_out(m, width, k, a, a_step, a_row, from, panels);
  }
  for (int from = 0; from < n; from += GC_BAND) {
    const int wide = n - from < GC_BAND ? n - from : GC_BAND;
    const T* rows = b + from * b_column;
    int at = 0;
    for (; at + 2 * lanes <= width; at += 2 * lanes) {
      gc_rows_depths<2 * lanes, GC_FAR_LEFT, T>(wide, k, rows, b_column, panels + (size_t)at * k,
                                                sums + at, width);
    }
    if (at < width) {
      gc_rows_depths<lanes, GC_FAR_LEFT, T>(wide, k, rows, b_column, panels + (size_t)at * k,
                                            sums + at, width);
    }
    gc_transpose<T>(wide, m, sums, width, c + from, c_row);
  }
}

// Products whose rows are too few to be divided, as sums over parts of k: parts[p][m][n]. The
// threads of a team divide the parts, and large ones of few parts in blocks; all of them are there
// behind the team's next barrier.
template <typename T>
inline void gc_gemm_parts(int m, int n, int k, int depth, const T* a, ptrdiff_t a_row,
                          ptrdiff_t a_step, const T* b, ptrdiff_t b_step, ptrdiff_t b_column,
                          T* parts) {
  const int strips = (m + GC_PART_ROWS - 1) / GC_PART_ROWS;
  const int bands = (n + GC_PART_COLUMNS - 1) / GC_PART_COLUMNS;
#pragma omp for schedule(static) nowait
  for (int block = 0; block < gc_part_count(k, depth) * strips * bands; ++block) {
    const int part = block / (strips * bands), start = part * depth;
    const int top = block / bands % strips * GC_PART_ROWS, from = block % bands * GC_PART_COLUMNS;
    const int high = m - top < GC_PART_ROWS ? m - top : GC_PART_ROWS;
    const int wide = n - from < GC_PART_COLUMNS ? n - from : GC_PART_COLUMNS;
    const int terms = k - start < depth ? k - start : depth;
    const T *left = a + top * a_row + start * a_step, *right = b + start * b_step + from * b_column;
    T* to = parts + ((size_t)part * m + top) * n + from;
    if (m <= GC_FEW_ROWS && k > 0 && a_step == 1 && b_column == 1 && b_step >= n) {
      gc_few_rows<T>(high, wide, terms, left, a_row, right, b_step, to, n);
    } else if (m <= GC_FEW_ROWS && k > 0 && b_step == 1) {
      gc_few_rows_turned<T>(high, wide, terms, left, a_row, a_step, right, b_column, to, n);
    } else {
      gc_gemm<T>(high, wide, terms, left, a_row, a_step, right, b_step, b_column, to, n);
    }
  }
}

// Where the sums over all parts of `count` elements are, the parts in their order: `step` elements
// from one part's to the next one's, the first at `from`. `to` has room for them.
template <typename T>
inline const T* gc_sum_of_parts(size_t count, int parts, const T* from, size_t step, T* to) {
  if (parts == 1) return from;
  for (size_t i = 0; i < count; ++i) to[i] = from[i] + from[step + i];
  for (int part = 2; part < parts; ++part) {
    for (size_t i = 0; i < count; ++i) to[i] += from[part * step + i];
  }
  return to;
}

#endif
