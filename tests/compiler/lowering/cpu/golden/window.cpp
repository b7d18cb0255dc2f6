// k0_window: maxpooling2d_1: max_pool, mul
// batch x 32 x 12 x 12 elements, windows in vectors
// x0: maxpooling2d_1/x float32[batch, 32, 24, 24]
// y0: maxpooling2d_1/mul float32[batch, 32, 12, 12]
void k0_window(
    int batch, const float* __restrict__ x0, float* y0) {
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)18432 * batch >= 65536)
  for (int i0_i1_i2 = 0; i0_i1_i2 < 384 * batch; ++i0_i1_i2) {
    #pragma omp simd
    for (int i3 = 0; i3 < 12; ++i3) {
      float s0 = -gc_infinity<float>();
      // max_pool
      #pragma GCC unroll 2
      for (int k0 = 0; k0 < 2; ++k0) {
        #pragma GCC unroll 2
        for (int k1 = 0; k1 < 2; ++k1) {
          // maxpooling2d_1
          s0 =
              gc_larger_in_lanes(s0, x0[i0_i1_i2 * 48 + i3 * 2 + k0 * 24 + k1]);
        }
      }
      const float t0 = gc_mul(s0, 0.5f);  // maxpooling2d_1
      y0[i0_i1_i2 * 12 + i3] = t0;
    }
  }
}
