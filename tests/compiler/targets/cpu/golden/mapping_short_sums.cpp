void short_sums(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    float* y0) {
  #pragma omp parallel for schedule(static) if ((gc_int64)1024 * batch >= 65536)
  for (int i0 = 0; i0 < batch; ++i0) {
    #pragma omp simd
    for (int i1 = 0; i1 < 1024; ++i1) {
      float s0 = 0.0f;
      s0 = gc_fma(x0[i0 * 4], x1[i1], s0);
      s0 = gc_fma(x0[i0 * 4 + 1], x1[i1 + 1024], s0);
      s0 = gc_fma(x0[i0 * 4 + 2], x1[i1 + 2048], s0);
      s0 = gc_fma(x0[i0 * 4 + 3], x1[i1 + 3072], s0);
      y0[i0 * 1024 + i1] = s0;
    }
  }
}
