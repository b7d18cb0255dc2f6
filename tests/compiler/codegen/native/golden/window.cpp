// k0_window: maxpooling2d_1: max_pool, mul
// batch x 32 x 12 x 12 elements
// x0: maxpooling2d_1/x float32[batch, 32, 24, 24]
// y0: maxpooling2d_1/mul float32[batch, 32, 12, 12]
static void k0_window(
    int batch, const float* __restrict__ x0, float* y0) {
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)(4608 * batch) >= 65536)
  for (int p0 = 0; p0 < batch; ++p0) {
    for (int p1 = 0; p1 < 32; ++p1) {
      for (int p2 = 0; p2 < 12; ++p2) {
        const int i11 = p2 * 2;
        #pragma omp simd
        for (int p3 = 0; p3 < 12; ++p3) {
          const int i4 = ((p0 * 32 + p1) * 12 + p2) * 12 + p3;
          float t10 = gc_reduce_max::identity<float>();  // maxpooling2d_1
          for (int r12 = 0; r12 < 2; ++r12) {
            const int i13 = i11 + r12;
            const int i14 = p3 * 2;
            for (int r15 = 0; r15 < 2; ++r15) {
              const int i16 = i14 + r15;
              const int i17 = ((p0 * 32 + p1) * 24 + i13) * 24 + i16;
              const float t18 = x0[i17];
              t10 = gc_maximum(t10, t18);
            }
          }
          const float t19 = gc_mul(t10, 0.5f);  // maxpooling2d_1
          y0[i4] = t19;
        }
      }
    }
  }
}
