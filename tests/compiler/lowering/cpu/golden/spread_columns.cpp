// k0_columns: lambda_1: exp, div, sum, sub, mul
// 4 x 50 x 70 elements, tiles of rows
// x0: x float32[4, 50, 70]
// x1: length float32[4, 1, 70]
// y0: lambda_1/sum float32[4, 70]
void k0_columns(
    const float* __restrict__ x0, const float* __restrict__ x1, float* y0) {
  for (int i0 = 0; i0 < 4; ++i0) {
    float s0[70];
    float t0[70];
    float s1[70];
    float t3[70];
    #pragma omp simd
    for (int i1 = 0; i1 < 70; ++i1) {
      s0[i1] = 0.0f;
      t0[i1] = gc_exp(x1[i0 * 70 + i1]);
    }
    // sum
    for (int k0 = 0; k0 < 50; ++k0) {
      #pragma omp simd
      for (int i1 = 0; i1 < 70; ++i1) {
        // lambda_1
        const float t1 = gc_div(x0[i0 * 3500 + k0 * 70 + i1], t0[i1]);
        s0[i1] = gc_add(s0[i1], t1);  // lambda_1
      }
    }
    #pragma omp simd
    for (int i1 = 0; i1 < 70; ++i1) {
      s1[i1] = 0.0f;
      t3[i1] = gc_div(s0[i1], 50.0f);
    }
    // sum
    for (int k1 = 0; k1 < 50; ++k1) {
      #pragma omp simd
      for (int i1 = 0; i1 < 70; ++i1) {
        // lambda_1
        const float t2 = gc_div(x0[i0 * 3500 + k1 * 70 + i1], t0[i1]);
        const float t4 = gc_sub(t2, t3[i1]);  // lambda_1
        const float t5 = gc_mul(t4, t4);  // lambda_1
        s1[i1] = gc_add(s1[i1], t5);  // lambda_1
      }
    }
    #pragma omp simd
    for (int i1 = 0; i1 < 70; ++i1) {
      y0[i0 * 70 + i1] = s1[i1];
    }
  }
}
