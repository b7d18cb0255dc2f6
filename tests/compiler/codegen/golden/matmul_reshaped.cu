// k0_matmul: dense_1: matmul, add
// batch x 64 by 64 x 32; a block computes 16 x 32, 64 of k at a time
// x0: x float32[batch, 64]
// x1: W float32[64, 32]
// x2: y float32[batch, 4, 8]
// y0: dense_1/add float32[batch, 4, 8]
extern "C" __global__ void __launch_bounds__(256, 1) k0_matmul(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    const float* __restrict__ x2, float* y0) {
  // Tiles of the operands, k-major; two of each: one is multiplied while the
  // other one is filled.
  struct Tiles {
    float left0[2][64][20];
    float right0[2][64][36];
  };
  __shared__ alignas(16) Tiles tiles;
  const int row_tiles = (batch + 15) / 16, column_tiles = 1;
  const int block = blockIdx.x;
  const gc_place place = gc_tile_place(block, row_tiles, column_tiles);
  const int first_row = place.row * 16, first_column = place.column * 32;
  const int k_begin = 0, k_end = 64;

  const int thread = threadIdx.x;
  // Where in a tile this thread begins to fetch, and from where.
  const int left0_outer = (thread / 2) % 16,
      left0_k = (thread % 2) * 4 + (thread / 32) * 8;
  const float* left0_from =
      x0 + ((first_row + left0_outer) * 64 + k_begin + left0_k);
  const int right0_outer = (thread % 8) * 4, right0_k = thread / 8;
  const float* right0_from =
      x1 + ((k_begin + right0_k) * 32 + first_column + right0_outer);
  // What is on its way from memory to the tiles. Around the operands are zeros.
  struct {
    gc_pack<float> left0[1];
    gc_pack<float> right0[2];
  } next;
  const auto fetch = [&](int k) {
    {
      const int outer = first_row + left0_outer;
      next.left0[0] = gc_pack<float>();
      if (outer < batch) {
        next.left0[0] = gc_load4(left0_from);
      }
    }
    left0_from += 64;
    #pragma unroll
    for (int turn = 0; turn < 2; ++turn) {
      next.right0[turn] = gc_load4(right0_from + (turn * 32) * 32);
    }
    right0_from += 2048;
  };
  const auto fill = [&](int stage) {
    {
      const int outer = left0_outer;
      const int inner = left0_k;
      gc_put_column(tiles.left0[stage], inner, outer, next.left0[0]);
    }
    #pragma unroll
    for (int turn = 0; turn < 2; ++turn) {
      const int outer = right0_outer;
      const int inner = right0_k + turn * 32;
      gc_put_row(tiles.right0[stage], inner, outer, next.right0[turn]);
    }
  };

  // A thread sums 4 x 4 results.
  // 8 groups of threads sum the same results, each over its slice of a step.
  const int slice = thread / 32, in_slice = thread % 32;
  const int warp = in_slice / 32, in_warp = in_slice % 32;
  const int own_row = warp * 16 + (in_warp / 8) * 4;
  const int own_column = (in_warp % 8) * 4;
  float total0[4][4] = {};

  // What one step asks for when it is done, the next one puts into a tile when
  // it is done: a whole step for its way from memory.
  fetch(k_begin);
  fill(0);
  if (k_begin + 64 < k_end) fetch(k_begin + 64);
  __syncthreads();
  for (int k = k_begin, stage = 0; k < k_end; k += 64, stage ^= 1) {
    gc_multiply<8, 16, 32>(
        total0, tiles.left0[stage] + slice * 8,
        tiles.right0[stage] + slice * 8, own_row, own_column);
    if (k + 64 < k_end) fill(stage ^ 1);
    if (k + 128 < k_end) fetch(k + 128);
    __syncthreads();
  }

  // Then they add up, and the first 4 finish some of a thread's rows.
  float* const memory = reinterpret_cast<float*>(&tiles);
  gc_add_slices<8, 32>(total0, memory, slice, in_slice);
  if (slice >= 4) return;

  // The results, four neighbours of a row at a time.
  #pragma unroll
  for (int r = 0; r < 1; ++r) {
    const int row = first_row + own_row + slice;
    if (row >= batch) continue;
    #pragma unroll
    for (int c = 0; c < 1; ++c) {
      const int start = first_column + own_column + c * 32;
      const gc_pack<float> sum0 = gc_pick(total0, r, c);
      const int first = row * 32 + start;
      gc_pack<float> pack_x2 = gc_load4(x2 + first);
      gc_pack<float> pack_y0;
      #pragma unroll
      for (int lane = 0; lane < 4; ++lane) {
        const float t0 = pack_x2.of[lane];
        const float t1 = gc_add(sum0.of[lane], t0);  // dense_1
        pack_y0.of[lane] = t1;
      }
      gc_store4(y0 + first, pack_y0);
    }
  }
}
