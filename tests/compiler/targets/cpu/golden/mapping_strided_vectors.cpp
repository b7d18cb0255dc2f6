void strided_vectors(
    int batch, const float* __restrict__ x0, float* y0) {
  #pragma omp parallel for schedule(static) if ((gc_int64)3 * batch >= 65536)
  for (int p0 = 0; p0 < 3; ++p0) {
    #pragma omp simd simdlen(GC_LANES(float))
    for (int p1 = 0; p1 < batch; ++p1) {
      const float t0 = gc_exp(x0[p0 + p1 * 3]);
      y0[p0 * batch + p1] = t0;
    }
  }
}
