void joined_across(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    float* y0) {
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)13540 * batch >= 65536)
  for (int p0 = 0; p0 < batch; ++p0) {
    gc_transpose_tile<256, 64>(165, 20, x0 + p0 * 3300, 165, y0 + p0 * 9300,
        20);
    for (int p1 = 0; p1 < 2; ++p1) {
      gc_transpose_tile<256, 64>(300 - p1 * 256, 20, x1 + p0 * 6000 + p1 * 256,
          300, y0 + p0 * 9300 + p1 * 5120 + 3300, 20);
    }
  }
}
