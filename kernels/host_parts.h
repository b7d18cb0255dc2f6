// Products whose rows are too few for threads to divide: sums over parts of k, made apart, or bands
// of columns.
//
// Where the rows are few indeed, the right factor is read where it lies: to copy it into panels
// would take longer than to multiply it. The order of a sum is the same on every path, whatever the
// number of rows: GC_DEPTH terms one by one, these sums within a part, then the parts.
#ifndef GC_HOST_PARTS_H
#define GC_HOST_PARTS_H

#include "host_rows.h"
#include "host_transpose.h"

#define GC_MOST_PARTS 64
#define GC_PARTS_ELEMENTS (1 << 22)  // of all parts of the rows that are multiplied at once, about
#define GC_PART_ROWS 384
#define GC_PART_COLUMNS 512

// How many of k a part has whose sums are made apart.
inline int gc_part_depth(int k) {
  const gc_int64 most = (gc_int64)GC_MOST_PARTS * GC_DEPTH;
  return k == 0 ? GC_DEPTH : (int)((k + most - 1) / most) * GC_DEPTH;
}

// A sum of nothing has one part, of zeros.
inline int gc_part_count(int k, int depth) { return k == 0 ? 1 : (k + depth - 1) / depth; }

// How many rows of n sums are multiplied at once, of m: as many as their parts have room for.
inline int gc_rows_at_once(int m, int n, int parts) {
  const gc_int64 room = GC_PARTS_ELEMENTS / ((gc_int64)parts * (n < 1 ? 1 : n));
  const gc_int64 most = room < GC_STRIP_ROWS ? GC_STRIP_ROWS : room;
  return m < 1 ? 1 : parts == 1 || m < most ? m : (int)most;
}

template <typename T>
inline void gc_add_each(size_t count, const T* __restrict__ from, T* __restrict__ to) {
  for (size_t i = 0; i < count; ++i) to[i] += from[i];
}

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
  T* more = gc_scratch<T>(GC_GEMM_LEFT, (size_t)m * width);
  // The last terms, from which a vector would read beyond the end of b, are copied.
  const int beyond = (int)((width - n + b_step - 1) / b_step), whole = k < beyond ? 0 : k - beyond;
  for (int start = 0; start < k; start += GC_DEPTH) {
    const int end = k - start < GC_DEPTH ? k : start + GC_DEPTH, lying = whole < end ? whole : end;
    T* to = start == 0 ? sums : more;
    int first = start;
    for (; first < lying; first += GC_DEEP) {
      const int depth = lying - first < GC_DEEP ? lying - first : GC_DEEP;
      const T* line = b + first * b_step;
      int from = 0;
      for (; from + 2 * lanes <= width; from += 2 * lanes) {
        gc_rows_panel<2 * lanes, true, GC_FAR_RIGHT, T>(m, depth, a + first, a_row, line + from,
                                                        b_step, to + from, width, first == start);
      }
      if (from < width) {
        gc_rows_panel<lanes, true, GC_FAR_RIGHT, T>(m, depth, a + first, a_row, line + from, b_step,
                                                    to + from, width, first == start);
      }
    }
    first = lying < start ? start : lying;
    for (int from = 0; first < end && from < width; from += lanes) {
      alignas(64) T last[lanes * lanes];
      for (int i = first; i < end; ++i) {
        for (int j = 0; j < lanes; ++j) {
          last[(i - first) * lanes + j] = from + j < n ? b[i * b_step + from + j] : T(0);
        }
      }
      gc_rows_panel<lanes, true, GC_NEAR, T>(m, end - first, a + first, a_row, last, lanes,
                                             to + from, width, first == start);
    }
    if (start > 0) gc_add_each<T>((size_t)m * width, more, sums);
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
  T* sums = gc_scratch<T>(GC_GEMM_LEFT, (size_t)2 * width * GC_BAND);
  T* more = sums + width * GC_BAND;
  for (int from = 0; from < width; from += 2 * lanes) {
    gc_rows_lay_out(m, width, k, a, a_step, a_row, from, panels);
  }
  for (int from = 0; from < n; from += GC_BAND) {
    const int wide = n - from < GC_BAND ? n - from : GC_BAND;
    for (int start = 0; start < k; start += GC_DEPTH) {
      const int depth = k - start < GC_DEPTH ? k - start : GC_DEPTH;
      const T* rows = b + from * b_column + start;
      T* to = start == 0 ? sums : more;
      int at = 0;
      for (; at + 2 * lanes <= width; at += 2 * lanes) {
        const T* panel = panels + (size_t)at * k + (size_t)start * 2 * lanes;
        gc_rows_panel<2 * lanes, true, GC_FAR_LEFT, T>(wide, depth, rows, b_column, panel,
                                                       2 * lanes, to + at, width, true);
      }
      if (at < width) {
        const T* panel = panels + (size_t)at * k + (size_t)start * lanes;
        gc_rows_panel<lanes, true, GC_FAR_LEFT, T>(wide, depth, rows, b_column, panel, lanes,
                                                   to + at, width, true);
      }
      if (start > 0) gc_add_each<T>((size_t)wide * width, more, sums);
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
  for (int part = 2; part < parts; ++part) gc_add_each<T>(count, from + part * step, to);
  return to;
}

#endif
