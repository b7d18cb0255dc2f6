void vectors(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    float* y0) {
  #pragma omp parallel for schedule(static) if ((gc_int64)512 * batch >= 65536)
  for (int p0 = 0; p0 < batch; ++p0) {
    #pragma omp simd
    for (int p1 = 0; p1 < 512; ++p1) {
      const float t0 = gc_add(x0[p0 * 512 + p1], x1[p1]);
      const float t1 = gc_maximum(t0, 0.0f);
      y0[p0 * 512 + p1] = t1;
    }
  }
}
