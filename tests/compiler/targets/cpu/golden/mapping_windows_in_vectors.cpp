void windows_in_vectors(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    float* y0) {
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)12288 * batch >= 65536)
  for (int i0 = 0; i0 < batch; ++i0) {
    for (int i1_below = 0; i1_below < 8; ++i1_below) {
      for (int i2 = 0; i2 < 16; ++i2) {
        #pragma omp simd
        for (int i3 = 0; i3 < 16; ++i3) {
          float s0 = -gc_infinity<float>();
          // max_pool
          #pragma GCC unroll 2
          for (int k0 = 0; k0 < 2; ++k0) {
            #pragma GCC unroll 2
            for (int k1 = 0; k1 < 2; ++k1) {
              float c0 =
                  x0[i0 * 8192 + i1_below * 1024 + i2 * 64 + i3 * 2 + k0 * 32 +
                      k1];
              s0 = gc_larger_in_lanes(s0, c0);
            }
          }
          y0[i0 * 3072 + i1_below * 256 + i2 * 16 + i3] = s0;
        }
      }
    }
    for (int i1_behind = 0; i1_behind < 4; ++i1_behind) {
      for (int i2 = 0; i2 < 16; ++i2) {
        #pragma omp simd
        for (int i3 = 0; i3 < 16; ++i3) {
          float s0_2 = -gc_infinity<float>();
          // max_pool
          #pragma GCC unroll 2
          for (int k0 = 0; k0 < 2; ++k0) {
            #pragma GCC unroll 2
            for (int k1 = 0; k1 < 2; ++k1) {
              const float t0_2 =
                  gc_maximum(
                      x1[i0 * 4096 + i1_behind * 1024 + i2 * 64 + i3 * 2 +
                          k0 * 32 + k1], 0.0f);
              float c0_2 = t0_2;
              s0_2 = gc_larger_in_lanes(s0_2, c0_2);
            }
          }
          y0[i0 * 3072 + i1_behind * 256 + i2 * 16 + i3 + 2048] = s0_2;
        }
      }
    }
  }
}
