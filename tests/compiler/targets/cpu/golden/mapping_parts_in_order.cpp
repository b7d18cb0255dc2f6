void parts_in_order(
    int batch, const float* __restrict__ x0, float* y0) {
  #pragma omp parallel for schedule(static) if ((gc_int64)448 * batch >= 65536)
  for (int p0 = 0; p0 < batch; ++p0) {
    for (int p1 = 0; p1 < 28; ++p1) {
      for (int p2 = 0; p2 < 16; ++p2) {
        const float t0 = x0[p0 * 480 + p1 + p2 * 30];
        y0[p0 * 1344 + p1 * 48 + p2 * 3] = t0;
        const float t0_2 = x0[p0 * 480 + p1 + p2 * 30 + 1];
        y0[p0 * 1344 + p1 * 48 + p2 * 3 + 1] = t0_2;
        const float t0_3 = x0[p0 * 480 + p1 + p2 * 30 + 2];
        y0[p0 * 1344 + p1 * 48 + p2 * 3 + 2] = t0_3;
      }
    }
  }
}
