// k0_rows: weight_regularizer: mul, sum
// 784 x 512 elements, blocks a row
// x0: weight_regularizer/input float32[784, 512]
// s0_parts: weight_regularizer/sum/s0_parts float32[1, 49]
extern "C" __global__ void __launch_bounds__(512) k0_rows(
    const float* __restrict__ x0, float* s0_parts) {
  const int block = blockIdx.x / 49;
  // sum
  const int block_2 = blockIdx.x % 49;
  float s0_parts_tile = 0.0f;
  __shared__ __align__(16) float s0_parts_tile_parts[16];
  // start the parts of s0_parts_tile
  const int warp = threadIdx.x / 32;
  float s0_parts_tile_parts_tile = 0.0f;
  float s0_parts_tile_parts_parts;
  // start the parts of s0_parts_tile_parts
  const int lane = threadIdx.x % 32;
  s0_parts_tile_parts_parts = 0.0f;
  for (int part = 0; part < 4; ++part) {
    float x0_pack[4];
    gc_load_pack(x0_pack,
        &x0[block_2 * 8192 + warp * 128 + lane * 4 + part * 2048]);
    #pragma unroll
    for (int part_2 = 0; part_2 < 4; ++part_2) {
      // weight_regularizer
      const float t0 = gc_mul(x0_pack[part_2], x0_pack[part_2]);
      // weight_regularizer
      s0_parts_tile_parts_parts = gc_add(s0_parts_tile_parts_parts, t0);
    }
  }
  gc_sum_of_32_lanes(s0_parts_tile_parts_tile, s0_parts_tile_parts_parts);
  if (lane == 0) {
    s0_parts_tile_parts[warp] = s0_parts_tile_parts_tile;
  }
  __syncthreads();
  // combine the parts of s0_parts_tile
  #pragma unroll
  for (int turn = 0; turn < 16; ++turn) {
    s0_parts_tile = gc_add(s0_parts_tile, s0_parts_tile_parts[turn]);
  }
  if (threadIdx.x == 0) {
    s0_parts[block * 49 + block_2] = s0_parts_tile;
  }
}

// k1_rows: weight_regularizer: mul, sum
// 784 x 512 elements, blocks a row
// s0_parts: weight_regularizer/sum/s0_parts float32[1, 49]
// y0: weight_regularizer/mul float32[]
extern "C" __global__ void __launch_bounds__(32) k1_rows(
    const float* __restrict__ s0_parts, float* y0) {
  const int block_3 = blockIdx.x;
  float s0 = 0.0f;
  float s0_parts_2;
  // start the parts of s0
  const int lane_4 = threadIdx.x;
  s0_parts_2 = 0.0f;
  // combine the parts of s0
  for (int turn_2 = 0; turn_2 < 2; ++turn_2) {
    if (lane_4 + turn_2 * 32 < 49) {
      s0_parts_2 =
          gc_add(s0_parts_2, s0_parts[block_3 * 49 + lane_4 + turn_2 * 32]);
    }
  }
  gc_sum_of_32_lanes(s0, s0_parts_2);
  if (threadIdx.x == 0) {
    const float t1 = gc_mul(0.01f, s0);  // weight_regularizer
    y0[0] = t1;
  }
}
