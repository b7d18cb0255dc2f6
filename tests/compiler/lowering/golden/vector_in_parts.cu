// k0_matmul: dense_1: matmul, mul
// 1 x 3 elements, blocks a tile of columns
// x0: x float32[1, 100000]
// x1: W float32[100000, 3]
// s0_parts: dense_1/matmul/s0_parts float32[3, 391]
extern "C" __global__ void __launch_bounds__(192) k0_matmul(
    const float* __restrict__ x0, const float* __restrict__ x1,
    float* s0_parts) {
  // matmul
  const int block = blockIdx.x;
  const int block_2 = blockIdx.x % 1;
  __shared__ __align__(16) float s0_parts_tile_parts[192];
  // start the parts of s0_parts_tile
  const int share = threadIdx.x / 3;
  const int column = threadIdx.x % 3;
  float s0_parts_tile_parts_tile = 0.0f;
  const int end_of_turn =
      gc_minimum(4, (share * 63 + 31) / 64 + 1563 - block * 4 - share);
  for (int turn = 0; turn < end_of_turn; ++turn) {
    s0_parts_tile_parts_tile =
        gc_add(s0_parts_tile_parts_tile,
            gc_mul(x0[block * 256 + share + turn * 64],
                x1[block * 768 + block_2 * 3 + share * 3 + column +
                    turn * 192]));  // dense_1
  }
  s0_parts_tile_parts[share * 3 + column] = s0_parts_tile_parts_tile;
  __syncthreads();
  if (threadIdx.x < 3) {
    const int column_2 = threadIdx.x;
    float s0_parts_tile = 0.0f;
    // combine the parts of s0_parts_tile
    #pragma unroll
    for (int turn_2 = 0; turn_2 < 64; ++turn_2) {
      s0_parts_tile =
          gc_add(s0_parts_tile, s0_parts_tile_parts[column_2 + turn_2 * 3]);
    }
    s0_parts[block + block_2 * 1173 + column_2 * 391] = s0_parts_tile;
  }
}

// k1_matmul: dense_1: matmul, mul
// 1 x 3 elements, blocks a tile of columns
// s0_parts: dense_1/matmul/s0_parts float32[3, 391]
// y0: dense_1/mul float32[1, 3]
extern "C" __global__ void __launch_bounds__(128) k1_matmul(
    const float* __restrict__ s0_parts, float* y0) {
  const int block_3 = blockIdx.x;
  const int column_3 = threadIdx.x / 32;
  if (block_3 * 4 + column_3 < 3) {
    float s0 = 0.0f;
    float s0_parts_2;
    // start the parts of s0
    const int lane = threadIdx.x % 32;
    s0_parts_2 = 0.0f;
    // combine the parts of s0
    for (int turn_3 = 0; turn_3 < 13; ++turn_3) {
      if (lane + turn_3 * 32 < 391) {
        s0_parts_2 =
            gc_add(s0_parts_2,
                s0_parts[block_3 * 1564 + column_3 * 391 + lane + turn_3 * 32]);
      }
    }
    gc_sum_of_32_lanes(s0, s0_parts_2);
    if (lane == 0) {
      const float t0 = gc_mul(s0, 0.5f);  // dense_1
      y0[block_3 * 4 + column_3] = t0;
    }
  }
}
