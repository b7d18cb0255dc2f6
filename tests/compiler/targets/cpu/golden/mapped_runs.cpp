void runs(
    int batch, const float* __restrict__ x0, float* y0, float* y1) {
  #pragma omp parallel for schedule(static) if ((gc_int64)2100 * batch >= 65536)
  for (int p0 = 0; p0 < batch + (52 * batch + 2047) / 2048; ++p0) {
    const float x0_i0_i1_i2_inner_0 = x0[0];
    const int end_of_p1 = gc_minimum(2048, 2100 * batch - p0 * 2048);
    #pragma omp simd simdlen(GC_LANES(float))
    for (int p1 = 0; p1 < end_of_p1; ++p1) {
      const float t0 = gc_exp(x0[p0 * 2048 + p1]);
      const float t1 = gc_mul(t0, 2.0f);
      const float t2 = gc_add(x0[p0 * 2048 + p1], x0_i0_i1_i2_inner_0);
      y0[p0 * 2048 + p1] = t1;
      y1[p0 * 2048 + p1] = t2;
    }
  }
}
