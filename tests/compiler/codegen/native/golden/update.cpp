// k0_update: no layer: mul, add, sqrt, div, sub
// 2 parts
// y0: W_square float32[64, 10]
// x0: gradient of W float32[64, 10]
// y1: W float32[64, 10]
// x1: lr float32[]
// y2: b_square float32[10]
// x2: gradient of b float32[10]
// y3: b float32[10]
static void k0_update(
    float* y0, const float* __restrict__ x0, float* y1,
    const float* __restrict__ x1, float* y2, const float* __restrict__ x2,
    float* y3) {
  {
    const float t8 = x1[0];
    #pragma omp simd
    for (int p0 = 0; p0 < 640; ++p0) {
      const float t1 = y0[p0];
      const float t2 = gc_mul(0.9f, t1);
      const float t3 = x0[p0];
      const float t4 = gc_mul(t3, t3);
      const float t5 = gc_mul(0.1f, t4);
      const float t6 = gc_add(t2, t5);
      const float t7 = y1[p0];
      const float t9 = gc_mul(t8, t3);
      const float t10 = gc_add(t6, 0.000001f);
      const float t11 = gc_sqrt(t10);
      const float t12 = gc_div(t9, t11);
      const float t13 = gc_sub(t7, t12);
      y0[p0] = t6;
      y1[p0] = t13;
    }
  }
  {
    const float t8 = x1[0];
    #pragma omp simd
    for (int p0 = 0; p0 < 10; ++p0) {
      const float t1 = y2[p0];
      const float t2 = gc_mul(0.9f, t1);
      const float t3 = x2[p0];
      const float t4 = gc_mul(t3, t3);
      const float t5 = gc_mul(0.1f, t4);
      const float t6 = gc_add(t2, t5);
      const float t7 = y3[p0];
      const float t9 = gc_mul(t8, t3);
      const float t10 = gc_add(t6, 0.000001f);
      const float t11 = gc_sqrt(t10);
      const float t12 = gc_div(t9, t11);
      const float t13 = gc_sub(t7, t12);
      y2[p0] = t6;
      y3[p0] = t13;
    }
  }
}
