// k0_rows: layer_normalization_1: sum, div, sub, mul, add, sqrt
// batch x 2048 elements, a block a row
// x0: layer_normalization_1/input float32[batch, 2048]
// x1: layer_normalization_1/input float32[2048]
// y0: layer_normalization_1/mul float32[batch, 2048]
// y1: layer_normalization_1/reshape float32[batch]
// y2: layer_normalization_1/reshape float32[batch]
extern "C" __global__ void __launch_bounds__(256) k0_rows(
    const float* __restrict__ x0, const float* __restrict__ x1, float* y0,
    float* y1, float* y2) {
  const int block = blockIdx.x;
  float x0_tile[8];
  const int warp = threadIdx.x / 32;
  const int lane = threadIdx.x % 32;
  // copy what is read of x0 to x0_tile
  #pragma unroll
  for (int turn = 0; turn < 2; ++turn) {
    gc_load_pack(x0_tile + turn * 4,
        &x0[block * 2048 + warp * 128 + lane * 4 + turn * 1024]);
  }
  const float t0 = gc_cast<float>(2048);
  float s0 = 0.0f;
  __shared__ __align__(16) float s0_parts[8];
  // start the parts of s0
  float s0_parts_tile = 0.0f;
  float s0_parts_parts;
  // start the parts of s0_parts
  s0_parts_parts = 0.0f;
  // sum
  #pragma unroll
  for (int turn_2 = 0; turn_2 < 2; ++turn_2) {
    #pragma unroll
    for (int part = 0; part < 4; ++part) {
      // layer_normalization_1
      s0_parts_parts = gc_add(s0_parts_parts, x0_tile[turn_2 * 4 + part]);
    }
  }
  gc_sum_of_32_lanes(s0_parts_tile, s0_parts_parts);
  if (lane == 0) {
    s0_parts[warp] = s0_parts_tile;
  }
  __syncthreads();
  // combine the parts of s0
  #pragma unroll
  for (int turn_3 = 0; turn_3 < 8; ++turn_3) {
    s0 = gc_add(s0, s0_parts[turn_3]);
  }
  float s1 = 0.0f;
  const float t1 = gc_div(s0, t0);  // layer_normalization_1
  __shared__ __align__(16) float s1_parts[8];
  // start the parts of s1
  float s1_parts_tile = 0.0f;
  float s1_parts_parts;
  // start the parts of s1_parts
  s1_parts_parts = 0.0f;
  // sum
  #pragma unroll
  for (int turn_4 = 0; turn_4 < 2; ++turn_4) {
    #pragma unroll
    for (int part_2 = 0; part_2 < 4; ++part_2) {
      // layer_normalization_1
      const float t2 = gc_sub(x0_tile[turn_4 * 4 + part_2], t1);
      const float t3 = gc_mul(t2, t2);  // layer_normalization_1
      s1_parts_parts = gc_add(s1_parts_parts, t3);  // layer_normalization_1
    }
  }
  gc_sum_of_32_lanes(s1_parts_tile, s1_parts_parts);
  if (lane == 0) {
    s1_parts[warp] = s1_parts_tile;
  }
  __syncthreads();
  // combine the parts of s1
  #pragma unroll
  for (int turn_5 = 0; turn_5 < 8; ++turn_5) {
    s1 = gc_add(s1, s1_parts[turn_5]);
  }
  const float t4 = gc_div(s1, t0);  // layer_normalization_1
  const float t5 = gc_add(t4, 0.001f);  // layer_normalization_1
  const float t6 = gc_sqrt(t5);  // layer_normalization_1
  #pragma unroll
  for (int turn_6 = 0; turn_6 < 2; ++turn_6) {
    float x1_pack[4];
    gc_load_pack(x1_pack, &x1[warp * 128 + lane * 4 + turn_6 * 1024]);
    float y0_pack[4];
    #pragma unroll
    for (int part_3 = 0; part_3 < 4; ++part_3) {
      // layer_normalization_1
      const float t7 = gc_sub(x0_tile[turn_6 * 4 + part_3], t1);
      const float t8 = gc_div(t7, t6);  // layer_normalization_1
      const float t9 = gc_mul(t8, x1_pack[part_3]);  // layer_normalization_1
      y0_pack[part_3] = t9;
    }
    gc_store_pack(&y0[block * 2048 + warp * 128 + lane * 4 + turn_6 * 1024],
        y0_pack);
  }
  if (threadIdx.x == 0) {
    y1[block] = t1;
    y2[block] = t6;
  }
}
