extern "C" __global__ void __launch_bounds__(256) tiles_of_columns_that_threads_keep(
    int batch, const float* __restrict__ x0, float* y0) {
  const int block = blockIdx.x;
  float x0_tile[16];
  __shared__ __align__(16) float s0_parts[256];
  __shared__ __align__(16) float t1[8];
  __shared__ __align__(16) float s1_parts[256];
  const int share = threadIdx.x / 8;
  const int column = threadIdx.x % 8;
  // copy what is read of x0 to x0_tile
  #pragma unroll
  for (int turn = 0; turn < 16; ++turn) {
    x0_tile[turn] =
        share + turn * 32 < batch ?
        x0[block * 8 + share * 512 + column + turn * 16384] : 0.0f;
  }
  // start the parts of s0
  float s0_parts_tile = 0.0f;
  // sum
  #pragma unroll
  for (int turn_2 = 0; turn_2 < 16; ++turn_2) {
    if (share + turn_2 * 32 < batch) {
      s0_parts_tile = gc_add(s0_parts_tile, x0_tile[turn_2]);
    }
  }
  s0_parts[share * 8 + column] = s0_parts_tile;
  __syncthreads();
  if (threadIdx.x < 8) {
    const int column_3 = threadIdx.x;
    const float t0_2 = gc_cast<float>(gc_cast<gc_int64>(batch));
    float s0 = 0.0f;
    // combine the parts of s0
    #pragma unroll
    for (int turn_3 = 0; turn_3 < 32; ++turn_3) {
      s0 = gc_add(s0, s0_parts[column_3 + turn_3 * 8]);
    }
    t1[column_3] = gc_div(s0, t0_2);
  }
  __syncthreads();
  // start the parts of s1
  float s1_parts_tile = 0.0f;
  // sum
  #pragma unroll
  for (int turn_4 = 0; turn_4 < 16; ++turn_4) {
    if (share + turn_4 * 32 < batch) {
      const float t2 = gc_maximum(x0_tile[turn_4], t1[column]);
      s1_parts_tile = gc_add(s1_parts_tile, t2);
    }
  }
  s1_parts[share * 8 + column] = s1_parts_tile;
  __syncthreads();
  if (threadIdx.x < 8) {
    const int column_5 = threadIdx.x;
    float s1 = 0.0f;
    // combine the parts of s1
    #pragma unroll
    for (int turn_5 = 0; turn_5 < 32; ++turn_5) {
      s1 = gc_add(s1, s1_parts[column_5 + turn_5 * 8]);
    }
    y0[block * 8 + column_5] = s1;
  }
}
