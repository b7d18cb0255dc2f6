// k0_update: no layer: mul, add, sqrt, div, sub
// 2 parts, vectors
// x0: gradient of W float32[64, 10]
// x1: lr float32[]
// x2: gradient of b float32[10]
// y0: W_square float32[64, 10]
// y1: W float32[64, 10]
// y2: b_square float32[10]
// y3: b float32[10]
void k0_update(
    const float* __restrict__ x0, const float* __restrict__ x1,
    const float* __restrict__ x2, float* y0, float* y1, float* y2, float* y3) {
  const float t0 = x1[0];
  #pragma omp simd
  for (int p0 = 0; p0 < 640; ++p0) {
    const float t1 = gc_mul(0.9f, y0[p0]);
    const float t2 = gc_mul(x0[p0], x0[p0]);
    const float t3 = gc_mul(0.1f, t2);
    const float t4 = gc_add(t1, t3);
    const float t5 = gc_mul(t0, x0[p0]);
    const float t6 = gc_add(t4, 0.000001f);
    const float t7 = gc_sqrt(t6);
    const float t8 = gc_div(t5, t7);
    const float t9 = gc_sub(y1[p0], t8);
    y0[p0] = t4;
    y1[p0] = t9;
  }
  const float t10 = x1[0];
  #pragma omp simd
  for (int p1 = 0; p1 < 10; ++p1) {
    const float t11 = gc_mul(0.9f, y2[p1]);
    const float t12 = gc_mul(x2[p1], x2[p1]);
    const float t13 = gc_mul(0.1f, t12);
    const float t14 = gc_add(t11, t13);
    const float t15 = gc_mul(t10, x2[p1]);
    const float t16 = gc_add(t14, 0.000001f);
    const float t17 = gc_sqrt(t16);
    const float t18 = gc_div(t15, t17);
    const float t19 = gc_sub(y3[p1], t18);
    y2[p1] = t14;
    y3[p1] = t19;
  }
}
