// k0_rows: dense_3, categorical_crossentropy: add, max, sub, exp, sum, div,
//   log, mul, neg
// batch x 10 elements, lanes of a warp a row
// x0: targets float32[batch, 10]
// x1: dense_3/product float32[batch, 10]
// x2: dense_3/bias float32[10]
// y0: categorical_crossentropy/neg float32[batch]
// y1: categorical_crossentropy/div float32[batch, 10]
extern "C" __global__ void __launch_bounds__(128) k0_rows(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    const float* __restrict__ x2, float* y0, float* y1) {
  const int block = blockIdx.x;
  const int warp = threadIdx.x / 32;
  const int row_of_warp = threadIdx.x / 16 % 2;
  if (block * 8 + warp * 2 + row_of_warp < batch) {
    float x2_tile;
    const int lane = threadIdx.x % 16;
    if (lane < 10) {
      x2_tile = x2[lane];
    }
    float x1_tile;
    if (lane < 10) {
      x1_tile = x1[block * 80 + warp * 20 + row_of_warp * 10 + lane];
    }
    const float t0 = gc_cast<float>(gc_cast<gc_int64>(batch));
    float s0 = -gc_infinity<float>();
    float s0_parts;
    // start the parts of s0
    s0_parts = -gc_infinity<float>();
    if (lane < 10) {
      const float t1 = gc_add(x1_tile, x2_tile);  // dense_3
      s0_parts = gc_maximum(s0_parts, t1);  // dense_3
    }
    gc_max_of_16_lanes(s0, s0_parts);
    float s1 = 0.0f;
    float kept;
    float s1_parts;
    // start the parts of s1
    s1_parts = 0.0f;
    if (lane < 10) {
      const float t2 = gc_add(x1_tile, x2_tile);  // dense_3
      const float t3 = gc_sub(t2, s0);  // dense_3
      const float t4 = gc_exp(t3);  // dense_3
      kept = t4;
      s1_parts = gc_add(s1_parts, t4);  // dense_3
    }
    gc_sum_of_16_lanes(s1, s1_parts);
    float s2 = 0.0f;
    float s2_parts;
    // start the parts of s2
    s2_parts = 0.0f;
    if (lane < 10) {
      const float t5 = kept;  // dense_3
      const float t6 = gc_div(t5, s1);  // dense_3
      const float t7 = gc_log(t6);  // categorical_crossentropy
      // categorical_crossentropy
      const float t8 =
          gc_mul(x0[block * 80 + warp * 20 + row_of_warp * 10 + lane], t7);
      // categorical_crossentropy
      const float t9 =
          gc_sub(t6, x0[block * 80 + warp * 20 + row_of_warp * 10 + lane]);
      const float t10 = gc_div(t9, t0);  // categorical_crossentropy
      s2_parts = gc_add(s2_parts, t8);  // categorical_crossentropy
      y1[block * 80 + warp * 20 + row_of_warp * 10 + lane] = t10;
    }
    gc_sum_of_16_lanes(s2, s2_parts);
    if (lane == 0) {
      const float t11 = gc_neg(s2);  // categorical_crossentropy
      y0[block * 8 + warp * 2 + row_of_warp] = t11;
    }
  }
}
