void tiles(
    int batch, const float* __restrict__ x0, float* y0) {
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)65536 * batch >= 65536)
  for (int p0 = 0; p0 < batch; ++p0) {
    for (int p1 = 0; p1 < 4; ++p1) {
      float* const x0_tile = gc_scratch<float>(0, 8192);
      gc_transpose_to_tile<256, 64>(256, 32, x0 + p0 * 32768 + p1 * 256, 1024,
          x0_tile, 32);
      for (int p2 = 0; p2 < 256; ++p2) {
        #pragma omp simd
        for (int p3 = 0; p3 < 32; ++p3) {
          const float t0 = gc_mul(x0_tile[p2 * 32 + p3], 3.0f);
          y0[p0 * 32768 + p1 * 8192 + p2 * 32 + p3] = t0;
        }
      }
    }
  }
}
