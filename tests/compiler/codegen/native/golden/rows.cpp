// k0_rows: activation_1: max, sub, exp, sum, div
// batch rows of 10
// x0: activation_1/x float32[batch, 10]
// y0: activation_1/div float32[batch, 10]
static void k0_rows(
    int batch, const float* __restrict__ x0, float* y0) {
  for (int p0 = 0; p0 < batch; ++p0) {
    // max
    float e5[10];
    float a2 = gc_reduce_max::identity<float>();
    #pragma omp simd reduction(gc_lanes_max : a2)
    for (int q1 = 0; q1 < 10; ++q1) {
      const int i = p0 * 10 + q1;
      const int column = q1;
      const float t4 = x0[i];
      a2 = gc_reduce_max::combine(a2, t4);
      e5[column] = t4;
    }
    const float t3 = gc_reduce_max::result(a2);  // activation_1
    // sum
    float e10[10];
    float a6 = gc_reduce_sum::identity<float>();
    #pragma omp simd reduction(gc_lanes_sum : a6)
    for (int q1 = 0; q1 < 10; ++q1) {
      const int column = q1;
      const float t8 = gc_sub(e5[column], t3);  // activation_1
      const float t9 = gc_exp(t8);  // activation_1
      a6 = gc_reduce_sum::combine(a6, t9);
      e10[column] = t9;
    }
    const float t7 = gc_reduce_sum::result(a6);  // activation_1
    // results
    #pragma omp simd
    for (int q1 = 0; q1 < 10; ++q1) {
      const int i = p0 * 10 + q1;
      const int column = q1;
      const float t11 = gc_div(e10[column], t7);  // activation_1
      y0[i] = t11;
    }
  }
}
