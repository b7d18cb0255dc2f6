extern "C" __global__ void __launch_bounds__(512) a_block_a_long_row(
    const float* __restrict__ x0, float* y0) {
  const int block = blockIdx.x;
  float s0 = -gc_infinity<float>();
  __shared__ __align__(16) float s0_parts[16];
  // start the parts of s0
  const int warp = threadIdx.x / 32;
  float s0_parts_tile = -gc_infinity<float>();
  float s0_parts_parts;
  // start the parts of s0_parts
  const int lane = threadIdx.x % 32;
  s0_parts_parts = -gc_infinity<float>();
  // max
  for (int turn = 0; turn < 10; ++turn) {
    if (warp * 32 + lane + turn * 512 < 5000) {
      float x0_pack[4];
      gc_load_pack(x0_pack,
          &x0[block * 20000 + warp * 128 + lane * 4 + turn * 2048]);
      #pragma unroll
      for (int part = 0; part < 4; ++part) {
        s0_parts_parts = gc_maximum(s0_parts_parts, x0_pack[part]);
      }
    }
  }
  gc_max_of_32_lanes(s0_parts_tile, s0_parts_parts);
  if (lane == 0) {
    s0_parts[warp] = s0_parts_tile;
  }
  __syncthreads();
  // combine the parts of s0
  #pragma unroll
  for (int turn_2 = 0; turn_2 < 16; ++turn_2) {
    s0 = gc_maximum(s0, s0_parts[turn_2]);
  }
  for (int turn_3 = 0; turn_3 < 10; ++turn_3) {
    if (warp * 32 + lane + turn_3 * 512 < 5000) {
      float x0_pack_2[4];
      gc_load_pack(x0_pack_2,
          &x0[block * 20000 + warp * 128 + lane * 4 + turn_3 * 2048]);
      float y0_pack[4];
      #pragma unroll
      for (int part_2 = 0; part_2 < 4; ++part_2) {
        const float t0 = gc_sub(x0_pack_2[part_2], s0);
        const float t1 = gc_exp(t0);
        y0_pack[part_2] = t1;
      }
      gc_store_pack(&y0[block * 20000 + warp * 128 + lane * 4 + turn_3 * 2048],
          y0_pack);
    }
  }
}
