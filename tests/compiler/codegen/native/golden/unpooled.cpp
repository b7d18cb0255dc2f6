// k0_window: gradient of maxpooling2d_1: max_unpool
// batch x 32 x 24 x 24 elements
// x0: places int32[batch, 32, 12, 12]
// x1: c float32[batch, 32, 12, 12]
// y0: gradient of maxpooling2d_1/max_unpool float32[batch, 32, 24, 24]
static void k0_window(
    int batch, const int* __restrict__ x0, const float* __restrict__ x1,
    float* y0) {
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)(18432 * batch) >= 65536)
  for (int p0 = 0; p0 < batch; ++p0) {
    for (int p1 = 0; p1 < 32; ++p1) {
      for (int p2 = 0; p2 < 24; ++p2) {
        const int i11 = p2 / 2;
        const int i13 = p2 - (i11 * 2);
        #pragma omp simd
        for (int p3 = 0; p3 < 24; ++p3) {
          const int i4 = ((p0 * 32 + p1) * 24 + p2) * 24 + p3;
          float t10 = 0;  // gradient of maxpooling2d_1
          const int i12 = p3 / 2;
          const int i14 = p3 - (i12 * 2);
          const int i15 = ((p0 * 32 + p1) * 12 + i11) * 12 + i12;
          const int t16 = x0[i15];
          const float t17 = x1[i15];
          t10 = gc_add(t10, t16 == i13 * 2 + i14 ? t17 : 0.0f);
          y0[i4] = t10;
        }
      }
    }
  }
}
