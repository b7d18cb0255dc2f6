// Parts of matrix products: tiles in shared memory, sums in registers.
//
// A tile of an operand lies in shared memory k-major: tile[k][row of the left or column of the
// right operand]. So the four neighbours that a thread multiplies are 16 bytes, loaded at once,
// and the lanes of a warp read 16-byte words side by side or the same one: no bank conflicts.
#ifndef GC_GEMM_CUH
#define GC_GEMM_CUH

#include "index.cuh"

// Which tile of the result a block computes.
struct gc_place { int row, column; };

// Blocks that run at the same time have numbers close together. Eight rows of tiles are walked
// column by column, so that these blocks form a square, which shares most of its operands in L2.
GC_DEVICE gc_place gc_tile_place(int block, int row_tiles, int column_tiles) {
  const int band = block / (8 * column_tiles), inside = block % (8 * column_tiles);
  const int rows = min(8, row_tiles - 8 * band);
  gc_place place = {8 * band + inside % rows, inside / rows};
  return place;
}

// Four neighbours, 16 bytes of float at once. The address has to be a multiple of 16.
template <typename T> GC_DEVICE gc_pack<T> gc_load4(const T* from) {
  return *reinterpret_cast<const gc_pack<T>*>(from);
}
template <typename T> GC_DEVICE void gc_store4(T* to, gc_pack<T> pack) {
  *reinterpret_cast<gc_pack<T>*>(to) = pack;
}

// Puts four neighbours into a tile: along a row of it, or (where they are neighbours along k in
// memory) down a column.
template <typename T, int K, int WIDTH>
GC_DEVICE void gc_put_row(T (&tile)[K][WIDTH], int k, int outer, gc_pack<T> pack) {
  gc_store4(&tile[k][outer], pack);
}
template <typename T, int K, int WIDTH>
GC_DEVICE void gc_put_column(T (&tile)[K][WIDTH], int k, int outer, gc_pack<T> pack) {
#pragma unroll
  for (int j = 0; j < 4; ++j) tile[k + j][outer] = pack.of[j];
}

// Adds the product of K rows of two tiles to the sums of a thread, in the order of k. The thread's
// first row and column are given; every fourth row of `total` the next ROW_STEP rows begin, and
// every fourth column the next COLUMN_STEP columns.
template <int K, int ROW_STEP, int COLUMN_STEP, typename T, int ROWS, int COLUMNS, int LEFT,
          int RIGHT>
GC_DEVICE void gc_multiply(T (&total)[ROWS][COLUMNS], const T (*left)[LEFT],
                           const T (*right)[RIGHT], int row, int column) {
#pragma unroll
  for (int k = 0; k < K; ++k) {
    gc_pack<T> a[ROWS / 4], b[COLUMNS / 4];
#pragma unroll
    for (int r = 0; r < ROWS / 4; ++r) a[r] = gc_load4(&left[k][row + r * ROW_STEP]);
#pragma unroll
    for (int c = 0; c < COLUMNS / 4; ++c) b[c] = gc_load4(&right[k][column + c * COLUMN_STEP]);
#pragma unroll
    for (int r = 0; r < ROWS; ++r) {
#pragma unroll
      for (int c = 0; c < COLUMNS; ++c) total[r][c] += a[r / 4].of[r % 4] * b[c / 4].of[c % 4];
    }
  }
}

// Four neighbouring sums: row r, columns 4c to 4c + 3. Where r and c are not known to the compiler
// it chooses among all of them: an index into `total` would move the sums to memory.
template <typename T, int ROWS, int COLUMNS>
GC_DEVICE gc_pack<T> gc_pick(const T (&total)[ROWS][COLUMNS], int r, int c) {
  gc_pack<T> pack = {};
#pragma unroll
  for (int row = 0; row < ROWS; ++row) {
#pragma unroll
    for (int column = 0; column < COLUMNS; ++column) {
      if (row == r && column / 4 == c) pack.of[column % 4] = total[row][column];
    }
  }
  return pack;
}

// Adds the sums of SLICES groups of THREADS threads, in the order of the slices; all threads of the
// block come here. Each of the first slices, ROWS of them at most, keeps its share of KEPT rows:
// row `slice * KEPT + i` is row i of `total` then. `memory` holds SLICES * THREADS * ROWS * COLUMNS
// elements.
template <int SLICES, int THREADS, typename T, int ROWS, int COLUMNS>
GC_DEVICE void gc_add_slices(T (&total)[ROWS][COLUMNS], T* memory, int slice, int thread) {
  const int KEPT = SLICES < ROWS ? ROWS / SLICES : 1;
  __syncthreads();  // what was in memory has been read
#pragma unroll
  for (int r = 0; r < ROWS; ++r) {
#pragma unroll
    for (int c = 0; c < COLUMNS / 4; ++c) {
      const int at = (slice * ROWS + r) * (COLUMNS / 4) + c;
      gc_store4(memory + (at * THREADS + thread) * 4, gc_pick(total, r, c));
    }
  }
  __syncthreads();
  if (slice * KEPT >= ROWS) return;
#pragma unroll
  for (int i = 0; i < KEPT; ++i) {
#pragma unroll
    for (int c = 0; c < COLUMNS / 4; ++c) {
#pragma unroll
      for (int j = 0; j < 4; ++j) total[i][4 * c + j] = 0;
#pragma unroll
      for (int s = 0; s < SLICES; ++s) {
        const int at = (s * ROWS + slice * KEPT + i) * (COLUMNS / 4) + c;
        const gc_pack<T> part = gc_load4(memory + (at * THREADS + thread) * 4);
#pragma unroll
        for (int j = 0; j < 4; ++j) total[i][4 * c + j] += part.of[j];
      }
    }
  }
}

// The sum over the lanes of a warp, in a fixed tree; all lanes get it.
template <typename T> GC_DEVICE T gc_sum_lanes(T x) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    x += __shfl_xor_sync(0xFFFFFFFFu, x, distance);
  }
  return x;
}

#endif
