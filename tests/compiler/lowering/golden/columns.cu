// k0_columns: dense_1: less, mul, sum
// batch x 512 elements, tiles of columns
// x0: dense_1/input float32[batch, 512]
// x1: dense_1/input float32[batch, 512]
// y0: dense_1/mul float32[batch, 512]
// y1: dense_1/sum float32[512]
extern "C" __global__ void __launch_bounds__(256) k0_columns(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    float* y0, float* y1) {
  const int block = blockIdx.x;
  __shared__ __align__(16) float s0_parts[256];
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
      const bool t0 =
          gc_less(0.0f,
              x1[block * 8 + share * 512 + column + turn * 524288 +
                  turn_2 * 16384]);  // dense_1
      const float t1 = gc_cast<float>(t0);  // dense_1
      const float t2 =
          gc_mul(
              x0[block * 8 + share * 512 + column + turn * 524288 +
                  turn_2 * 16384], t1);  // dense_1
      s0_parts_parts = gc_add(s0_parts_parts, t2);  // dense_1
      y0[block * 8 + share * 512 + column + turn * 524288 + turn_2 * 16384] =
          t2;
    }
    s0_parts_tile = gc_add(s0_parts_tile, s0_parts_parts);
  }
  s0_parts[share * 8 + column] = s0_parts_tile;
  __syncthreads();
  if (threadIdx.x < 8) {
    const int column_2 = threadIdx.x;
    float s0 = 0.0f;
    // combine the parts of s0
    #pragma unroll
    for (int turn_3 = 0; turn_3 < 32; ++turn_3) {
      s0 = gc_add(s0, s0_parts[column_2 + turn_3 * 8]);
    }
    y1[block * 8 + column_2] = s0;
  }
}
