// k0_columns: lambda_1: exp, div, sum, sub, mul
// 280 rows of 50
// x0: length float32[4, 1, 70]
// x1: x float32[4, 50, 70]
// y0: lambda_1/sum float32[4, 70]
static void k0_columns(
    const float* __restrict__ x0, const float* __restrict__ x1, float* y0) {
  for (int tile = 0; tile < 70; tile += 64) {
    for (int p0 = 0; p0 < 4; ++p0) {
      const int width = 70 - tile < 64 ? 70 - tile : 64;
      float of_t6[64];
      #pragma omp simd
      for (int lane = 0; lane < width; ++lane) {
        const int p2 = tile + lane;
        const int row = p0 * 70 + p2;
        const float t5 = x0[row];
        const float t6 = gc_exp(t5);  // lambda_1
        of_t6[lane] = t6;
      }
      // sum
      float a9[64];
      for (int lane = 0; lane < width; ++lane) a9[lane] =
          gc_reduce_sum::identity<float>();
      for (int q1 = 0; q1 < 50; ++q1) {
        #pragma omp simd
        for (int lane = 0; lane < width; ++lane) {
          const int p2 = tile + lane;
          const float t6 = of_t6[lane];
          const int i = (p0 * 50 + q1) * 70 + p2;
          const float t11 = x1[i];
          const float t12 = gc_div(t11, t6);  // lambda_1
          a9[lane] = gc_reduce_sum::combine(a9[lane], t12);
        }
      }
      float of_t10[64];
      #pragma omp simd
      for (int lane = 0; lane < width; ++lane) {
        const int p2 = tile + lane;
        const float t10 = gc_reduce_sum::result(a9[lane]);  // lambda_1
        of_t10[lane] = t10;
      }
      float of_t15[64];
      #pragma omp simd
      for (int lane = 0; lane < width; ++lane) {
        const int p2 = tile + lane;
        const float t10 = of_t10[lane];
        const float t15 = gc_div(t10, 50.0f);  // lambda_1
        of_t15[lane] = t15;
      }
      // sum
      float a18[64];
      for (int lane = 0; lane < width; ++lane) a18[lane] =
          gc_reduce_sum::identity<float>();
      for (int q1 = 0; q1 < 50; ++q1) {
        #pragma omp simd
        for (int lane = 0; lane < width; ++lane) {
          const int p2 = tile + lane;
          const float t6 = of_t6[lane];
          const float t15 = of_t15[lane];
          const int i = (p0 * 50 + q1) * 70 + p2;
          const float t20 = x1[i];
          const float t21 = gc_div(t20, t6);  // lambda_1
          const float t22 = gc_sub(t21, t15);  // lambda_1
          const float t23 = gc_mul(t22, t22);  // lambda_1
          a18[lane] = gc_reduce_sum::combine(a18[lane], t23);
        }
      }
      float of_t19[64];
      #pragma omp simd
      for (int lane = 0; lane < width; ++lane) {
        const int p2 = tile + lane;
        const float t19 = gc_reduce_sum::result(a18[lane]);  // lambda_1
        of_t19[lane] = t19;
      }
      #pragma omp simd
      for (int lane = 0; lane < width; ++lane) {
        const int p2 = tile + lane;
        const float t19 = of_t19[lane];
        const int row = p0 * 70 + p2;
        y0[row] = t19;
      }
    }
  }
}
