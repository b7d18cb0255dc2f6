// k0_scatter: gradient of embedding_1: scatter_add, mul, sub
// a block a tile of 16 rows x 128 columns; it walks all 80*batch indices and
//   adds the updates of its rows in their order
// x0: words int32[batch, 80]
// x1: gradient of embedding_1/cotangents float32[batch, 80, 128]
// x2: W float32[20000, 128]
// y0: gradient of embedding_1/sub float32[20000, 128]
extern "C" __global__ void __launch_bounds__(256) k0_scatter(
    const int* __restrict__ x0, gc_uint64* status, int batch,
    const float* __restrict__ x1, const float* __restrict__ x2, float* y0) {
  __shared__ float sums[2048];  // 16 rows x 128 columns
  // The indices of one chunk that fall into this block's rows, in their order.
  __shared__ int found_row[1024];
  __shared__ int found_place[1024];
  __shared__ int found_by_warp[8];
  const int first_row = blockIdx.x * 16;
  const int warp = threadIdx.x / 32, warp_lane = threadIdx.x % 32;
  const unsigned int lanes_before = (1u << warp_lane) - 1u;
  // A thread owns one column of the tile, and in it each row with row % 2 ==
  // group.
  const int own_column = threadIdx.x % 128, group = threadIdx.x / 128;

  for (int first_column = blockIdx.y * 128; first_column < 128;
       first_column += gridDim.y * 128) {
    for (int e = threadIdx.x; e < 2048; e += 256) sums[e] = 0;

    for (int chunk = 0; chunk < 80 * batch; chunk += 1024) {
      // Phase 1: which indices of the chunk fall into the tile; a warp looks at
      // 128 neighbours.
      int rows[4];
      unsigned int votes[4];
      int total = 0;
#pragma unroll
      for (int round = 0; round < 4; ++round) {
        const int place = chunk + (warp * 4 + round) * 32 + warp_lane;
        rows[round] = -1;
        if (place < 80 * batch) {
          const int t0 = x0[place];
          const int t1 = gc_check_index(status, 0, place, t0, 20000);
          rows[round] = t1 - first_row;
        }
        votes[round] =
            __ballot_sync(0xffffffffu, rows[round] >= 0 && rows[round] < 16);
        total += __popc(votes[round]);
      }
      if (warp_lane == 0) found_by_warp[warp] = total;
      __syncthreads();
      // Phase 2: list them, behind those of the warps before.
      int slot = 0, found = 0;
#pragma unroll
      for (int w = 0; w < 8; ++w) {
        if (w < warp) slot += found_by_warp[w];
        found += found_by_warp[w];
      }
#pragma unroll
      for (int round = 0; round < 4; ++round) {
        if (votes[round] >> warp_lane & 1u) {
          const int k = slot + __popc(votes[round] & lanes_before);
          found_row[k] = rows[round];
          found_place[k] = chunk + (warp * 4 + round) * 32 + warp_lane;
        }
        slot += __popc(votes[round]);
      }
      __syncthreads();
      // Phase 3: add their updates in order; several are read before the first
      // is added.
      const int column = first_column + own_column;
      for (int first = 0; first < found; first += 4) {
        float updates[4];
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          const int k = first + j;
          updates[j] = 0;
          if (k < found && column < 128 && found_row[k] % 2 == group) {
            const int place = found_place[k];
            const int i2 = place * 128 + column;
            const float t3 = x1[i2];
            updates[j] = t3;
          }
        }
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          const int k = first + j;
          if (k < found && found_row[k] % 2 == group) {
            const int e = found_row[k] * 128 + own_column;
            sums[e] = gc_add(sums[e], updates[j]);
          }
        }
      }
    }
    __syncthreads();

    // Phase 4: what is computed from the sums, and the results.
    for (int e = 4 * threadIdx.x; e < 2048; e += 1024) {
      const int row = first_row + e / 128, column = first_column + e % 128;
      if (row >= 20000 || column >= 128) continue;
      const int first = row * 128 + column;
      gc_pack<float> pack_x2 = gc_load_pack(x2, first, 2560000);
      gc_pack<float> pack_y0;
#pragma unroll
      for (int lane = 0; lane < 4; ++lane) {
        const float sum = sums[e + lane];
        const float t4 = pack_x2.of[lane];
        const float t5 = gc_mul(0.01f, sum);  // gradient of embedding_1
        const float t6 = gc_sub(t4, t5);  // gradient of embedding_1
        pack_y0.of[lane] = t6;
      }
      gc_store_pack(y0, first, 2560000, pack_y0);
    }
    __syncthreads();
  }
}
