void padded(
    int batch, const float* __restrict__ x0, float* y0) {
  #pragma omp parallel for schedule(static) if ((gc_int64)134 * batch >= 65536)
  for (int p0 = 0; p0 < 2 * batch; ++p0) {
    #pragma omp simd
    for (int p1 = 0; p1 < 9; ++p1) {
      const float t0 = 0.0f;  // zeropadding2d_1
      y0[p0 * 72 + p1] = t0;
    }
    for (int p2 = 0; p2 < 5; ++p2) {
      #pragma omp simd
      for (int p3 = 0; p3 < 2; ++p3) {
        const float t0_2 = 0.0f;  // zeropadding2d_1
        y0[p0 * 72 + p2 * 9 + p3 + 9] = t0_2;
      }
      #pragma omp simd
      for (int p4 = 0; p4 < 6; ++p4) {
        const float t0_4 = x0[p0 * 30 + p2 * 6 + p4];  // zeropadding2d_1
        y0[p0 * 72 + p2 * 9 + p4 + 11] = t0_4;
      }
      const float t0_5 = 0.0f;  // zeropadding2d_1
      y0[p0 * 72 + p2 * 9 + 17] = t0_5;
    }
    #pragma omp simd
    for (int p5 = 0; p5 < 18; ++p5) {
      const float t0_3 = 0.0f;  // zeropadding2d_1
      y0[p0 * 72 + p5 + 54] = t0_3;
    }
  }
}
