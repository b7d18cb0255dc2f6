extern "C" __global__ void __launch_bounds__(256) tiles_of_columns_that_are_read_again(
    int batch, const float* __restrict__ x0, float* y0) {
  const int block = blockIdx.x;
  __shared__ __align__(16) float s0_parts[256];
  __shared__ __align__(16) float t1[8];
  __shared__ __align__(16) float s1_parts[256];
  // start the parts of s0
  const int share = threadIdx.x / 8;
  const int column = threadIdx.x % 8;
  float s0_parts_tile = 0.0f;
  // sum
  for (int turn = 0; turn < ((batch + 31) / 32 + 31) / 32; ++turn) {
    float s0_parts_parts = 0.0f;
    const int end_of_turn_2 =
        gc_minimum(32, (batch + 31 - share) / 32 - turn * 32);
    for (int turn_2 = 0; turn_2 < end_of_turn_2; ++turn_2) {
      s0_parts_parts =
          gc_add(s0_parts_parts,
              x0[block * 8 + share * 512 + column + turn * 524288 +
                  turn_2 * 16384]);
    }
    s0_parts_tile = gc_add(s0_parts_tile, s0_parts_parts);
  }
  s0_parts[share * 8 + column] = s0_parts_tile;
  __syncthreads();
  if (threadIdx.x < 8) {
    const int column_2 = threadIdx.x;
    const float t0_2 = gc_cast<float>(gc_cast<gc_int64>(batch));
    float s0 = 0.0f;
    // combine the parts of s0
    #pragma unroll
    for (int turn_3 = 0; turn_3 < 32; ++turn_3) {
      s0 = gc_add(s0, s0_parts[column_2 + turn_3 * 8]);
    }
    t1[column_2] = gc_div(s0, t0_2);
  }
  __syncthreads();
  // start the parts of s1
  float s1_parts_tile = 0.0f;
  // sum
  for (int turn_4 = 0; turn_4 < ((batch + 31) / 32 + 31) / 32; ++turn_4) {
    float s1_parts_parts = 0.0f;
    const int end_of_turn_5 =
        gc_minimum(32, (batch + 31 - share) / 32 - turn_4 * 32);
    for (int turn_5 = 0; turn_5 < end_of_turn_5; ++turn_5) {
      const float t2 =
          gc_maximum(
              x0[block * 8 + share * 512 + column + turn_4 * 524288 +
                  turn_5 * 16384], t1[column]);
      s1_parts_parts = gc_add(s1_parts_parts, t2);
    }
    s1_parts_tile = gc_add(s1_parts_tile, s1_parts_parts);
  }
  s1_parts[share * 8 + column] = s1_parts_tile;
  __syncthreads();
  if (threadIdx.x < 8) {
    const int column_4 = threadIdx.x;
    float s1 = 0.0f;
    // combine the parts of s1
    #pragma unroll
    for (int turn_6 = 0; turn_6 < 32; ++turn_6) {
      s1 = gc_add(s1, s1_parts[column_4 + turn_6 * 8]);
    }
    y0[block * 8 + column_4] = s1;
  }
}
