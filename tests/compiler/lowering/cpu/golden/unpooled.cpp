// k0_window: gradient of maxpooling2d_1: max_unpool
// batch x 32 x 24 x 24 elements, rows in lanes
// x0: places int32[batch, 32, 12, 12]
// x1: c float32[batch, 32, 12, 12]
// y0: gradient of maxpooling2d_1/max_unpool float32[batch, 32, 24, 24]
void k0_window(
    int batch, const int* __restrict__ x0, const float* __restrict__ x1,
    float* y0) {
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)18432 * batch >= 65536)
  for (int i0_i1 = 0; i0_i1 < 32 * batch; ++i0_i1) {
    for (int i2 = 0; i2 < 24; ++i2) {
      #pragma omp simd
      for (int i3 = 0; i3 < 24; ++i3) {
        float s0 = 0.0f;
        const bool t0 =
            gc_equal(x0[i0_i1 * 144 + i2 / 2 * 12 + i3 / 2],
                i2 % 2 * 2 + i3 % 2);  // gradient of maxpooling2d_1
        // gradient of maxpooling2d_1
        s0 =
            gc_add(s0,
                gc_where(t0, x1[i0_i1 * 144 + i2 / 2 * 12 + i3 / 2], 0.0f));
        y0[i0_i1 * 576 + i2 * 24 + i3] = s0;
      }
    }
  }
}
