// k0_window: gradient of maxpooling2d_1: max_unpool
// batch x 32 x 24 x 24 elements, windows in vectors
// x0: places int32[batch, 32, 12, 12]
// x1: c float32[batch, 32, 12, 12]
// y0: gradient of maxpooling2d_1/max_unpool float32[batch, 32, 24, 24]
void k0_window(
    int batch, const int* __restrict__ x0, const float* __restrict__ x1,
    float* y0) {
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)27648 * batch >= 65536)
  for (int i0_i1 = 0; i0_i1 < 32 * batch; ++i0_i1) {
    for (int i2_outer = 0; i2_outer < 12; ++i2_outer) {
      float y0_flat_row[24];
      #pragma omp simd
      for (int i3_outer = 0; i3_outer < 12; ++i3_outer) {
        float s0 = 0.0f;
        // gradient of maxpooling2d_1
        const bool t0 = gc_equal(x0[i0_i1 * 144 + i2_outer * 12 + i3_outer], 0);
        // gradient of maxpooling2d_1
        s0 =
            gc_add(s0,
                gc_where(t0, x1[i0_i1 * 144 + i2_outer * 12 + i3_outer], 0.0f));
        y0_flat_row[i3_outer] = s0;
        float s0_2 = 0.0f;
        // gradient of maxpooling2d_1
        const bool t1 = gc_equal(x0[i0_i1 * 144 + i2_outer * 12 + i3_outer], 1);
        // gradient of maxpooling2d_1
        s0_2 =
            gc_add(s0_2,
                gc_where(t1, x1[i0_i1 * 144 + i2_outer * 12 + i3_outer], 0.0f));
        y0_flat_row[i3_outer + 12] = s0_2;
      }
      for (int i3_outer = 0; i3_outer < 12; ++i3_outer) {
        // store y0_flat_row
        #pragma GCC unroll 2
        for (int i3_inner = 0; i3_inner < 2; ++i3_inner) {
          y0[i0_i1 * 576 + i2_outer * 48 + i3_outer * 2 + i3_inner] =
              y0_flat_row[i3_outer + i3_inner * 12];
        }
      }
      float y0_flat_row_2[24];
      #pragma omp simd
      for (int i3_outer = 0; i3_outer < 12; ++i3_outer) {
        float s0_3 = 0.0f;
        // gradient of maxpooling2d_1
        const bool t2 = gc_equal(x0[i0_i1 * 144 + i2_outer * 12 + i3_outer], 2);
        // gradient of maxpooling2d_1
        s0_3 =
            gc_add(s0_3,
                gc_where(t2, x1[i0_i1 * 144 + i2_outer * 12 + i3_outer], 0.0f));
        y0_flat_row_2[i3_outer] = s0_3;
        float s0_4 = 0.0f;
        // gradient of maxpooling2d_1
        const bool t3 = gc_equal(x0[i0_i1 * 144 + i2_outer * 12 + i3_outer], 3);
        // gradient of maxpooling2d_1
        s0_4 =
            gc_add(s0_4,
                gc_where(t3, x1[i0_i1 * 144 + i2_outer * 12 + i3_outer], 0.0f));
        y0_flat_row_2[i3_outer + 12] = s0_4;
      }
      for (int i3_outer = 0; i3_outer < 12; ++i3_outer) {
        // store y0_flat_row
        #pragma GCC unroll 2
        for (int i3_inner = 0; i3_inner < 2; ++i3_inner) {
          y0[i0_i1 * 576 + i2_outer * 48 + i3_outer * 2 + i3_inner + 24] =
              y0_flat_row_2[i3_outer + i3_inner * 12];
        }
      }
    }
  }
}
