void rows_of_windows(
    int batch, const float* __restrict__ x0, float* y0) {
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)57600 * batch >= 65536)
  for (int i0_i1 = 0; i0_i1 < 8 * batch; ++i0_i1) {
    for (int i2 = 0; i2 < 10; ++i2) {
      float* const row = gc_scratch<float>(0, 360);
      // compute t0 ahead, to row
      for (int row_axis0 = 0; row_axis0 < 6; ++row_axis0) {
        #pragma omp simd
        for (int row_axis1 = 0; row_axis1 < 60; ++row_axis1) {
          row[row_axis0 * 60 + row_axis1] =
              gc_tanh(x0[i0_i1 * 4096 + i2 * 384 + row_axis0 * 64 + row_axis1]);
        }
      }
      for (int i3 = 0; i3 < 10; ++i3) {
        float s0 = -gc_infinity<float>();
        // max_pool
        for (int k0 = 0; k0 < 6; ++k0) {
          for (int k1 = 0; k1 < 6; ++k1) {
            const float t0 = row[i3 * 6 + k0 * 60 + k1];
            s0 = gc_larger(s0, t0);
          }
        }
        y0[i0_i1 * 100 + i2 * 10 + i3] = s0;
      }
    }
  }
}
