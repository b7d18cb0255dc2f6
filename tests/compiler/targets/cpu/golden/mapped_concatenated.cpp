void concatenated(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    const float* __restrict__ x2, float* y0) {
  #pragma omp parallel for schedule(static) if ((gc_int64)12 * batch >= 65536)
  for (int p0 = 0; p0 < batch; ++p0) {
    #pragma omp simd
    for (int p1 = 0; p1 < 3; ++p1) {
      const float c0 = x0[p0 * 3 + p1];
      y0[p0 * 12 + p1] = c0;
    }
    #pragma omp simd
    for (int p2 = 0; p2 < 5; ++p2) {
      const float t0_2 = gc_tanh(x1[p0 * 5 + p2]);  // merge_1
      y0[p0 * 12 + p2 + 3] = t0_2;
    }
    #pragma omp simd
    for (int p3 = 0; p3 < 4; ++p3) {
      const float c0_3 = x2[p0 * 4 + p3];
      y0[p0 * 12 + p3 + 8] = c0_3;
    }
  }
}
