extern "C" __global__ void __launch_bounds__(256) a_block_a_row_of_any_length(
    int n0, const float* __restrict__ x0, float* y0) {
  const int block = blockIdx.x;
  float s0 = -gc_infinity<float>();
  __shared__ __align__(16) float s0_parts[8];
  // start the parts of s0
  const int warp = threadIdx.x / 32;
  float s0_parts_tile = -gc_infinity<float>();
  float s0_parts_parts;
  // start the parts of s0_parts
  const int lane = threadIdx.x % 32;
  s0_parts_parts = -gc_infinity<float>();
  // max
  for (int turn = 0; turn < (n0 + 255 - warp * 32 - lane) / 256; ++turn) {
    s0_parts_parts =
        gc_maximum(s0_parts_parts,
            x0[block * n0 + warp * 32 + lane + turn * 256]);
  }
  gc_max_of_32_lanes(s0_parts_tile, s0_parts_parts);
  if (lane == 0) {
    s0_parts[warp] = s0_parts_tile;
  }
  __syncthreads();
  // combine the parts of s0
  #pragma unroll
  for (int turn_2 = 0; turn_2 < 8; ++turn_2) {
    s0 = gc_maximum(s0, s0_parts[turn_2]);
  }
  for (int turn_3 = 0; turn_3 < (n0 + 255 - warp * 32 - lane) / 256; ++turn_3) {
    const float t0 =
        gc_sub(x0[block * n0 + warp * 32 + lane + turn_3 * 256], s0);
    const float t1 = gc_exp(t0);
    y0[block * n0 + warp * 32 + lane + turn_3 * 256] = t1;
  }
}
