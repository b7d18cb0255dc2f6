// k0_rows: dense_1: max, sub, exp, sum, div, argmax
// batch x 3 elements, a thread a row
// x0: dense_1/input float32[batch, 3]
// y0: dense_1/div float32[batch, 3]
// y1: argmax int32[batch]
extern "C" __global__ void __launch_bounds__(128) k0_rows(
    int batch, const float* __restrict__ x0, float* y0, int* y1) {
  const int block = blockIdx.x;
  const int thread = threadIdx.x;
  if (block * 128 + thread < batch) {
    float x0_tile[3];
    // copy what is read of x0 to x0_tile
    #pragma unroll
    for (int turn = 0; turn < 3; ++turn) {
      x0_tile[turn] = x0[block * 384 + thread * 3 + turn];
    }
    float s0 = -gc_infinity<float>();
    float s1 = -gc_infinity<float>();
    int s2 = -1;
    // max, argmax
    #pragma unroll
    for (int turn_2 = 0; turn_2 < 3; ++turn_2) {
      s0 = gc_maximum(s0, x0_tile[turn_2]);  // dense_1
      gc_carry<gc_reduce_argmax>(s1, s2, x0_tile[turn_2], turn_2);
    }
    float s3 = 0.0f;
    float kept[3];
    // sum
    #pragma unroll
    for (int turn_3 = 0; turn_3 < 3; ++turn_3) {
      const float t0 = gc_sub(x0_tile[turn_3], s0);  // dense_1
      const float t1 = gc_exp(t0);  // dense_1
      kept[turn_3] = t1;
      s3 = gc_add(s3, t1);  // dense_1
    }
    #pragma unroll
    for (int turn_4 = 0; turn_4 < 3; ++turn_4) {
      const float t2 = kept[turn_4];  // dense_1
      const float t3 = gc_div(t2, s3);  // dense_1
      y0[block * 384 + thread * 3 + turn_4] = t3;
    }
    y1[block * 128 + thread] = s2;
  }
}
