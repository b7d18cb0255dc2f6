// k0_window: gradient of maxpooling2d_1: max_unpool
// 32*batch planes of 576; each window is searched once for its first maximum
// x0: x float32[batch, 32, 24, 24]
// x1: c float32[batch, 32, 12, 12]
// y0: gradient of maxpooling2d_1/max_unpool float32[batch, 32, 24, 24]
static void k0_window(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1, float* y0) {
  #pragma omp parallel for schedule(static) if ((gc_int64)batch * 32 * 24 * 24 >= 32768)
  for (int plane = 0; plane < 32 * batch; ++plane) {
    float* spread = gc_scratch<float>(0, (size_t)(576));
    for (int i = 0; i < 576; ++i) spread[i] = 0;
    {
      for (int p0 = plane; p0 < plane + 1; ++p0) {
        const int i6 = p0 / 32;
        const int i9 = p0 % 32;
        for (int p1 = 0; p1 < 12; ++p1) {
          const int i13 = p1 * 2;
          for (int p2 = 0; p2 < 12; ++p2) {
            const int i3 = (p0 * 12 + p1) * 12 + p2;
            float a11 = 0;
            int a12 = -1;
            for (int r14 = 0; r14 < 2; ++r14) {
              const int i15 = i13 + r14;
              const int i16 = p2 * 2;
              for (int r17 = 0; r17 < 2; ++r17) {
                const int i18 = i16 + r17;
                const int i19 = ((i6 * 32 + i9) * 24 + i15) * 24 + i18;
                const float t20 = x0[i19];
                const bool t21 = (a12 < 0) | (t20 > a11) | ((t20 != t20) & (a11 == a11));
                a11 = t21 ? t20 : a11;
                a12 = t21 ? i19 : a12;
              }
            }
            const float t22 = x1[i3];
            spread[a12 - (plane * 576)] = t22;
          }
        }
      }
    }
    {
      for (int p0 = plane; p0 < plane + 1; ++p0) {
        #pragma omp simd
        for (int p1 = 0; p1 < 576; ++p1) {
          const int i2 = p0 * 576 + p1;
          y0[i2] = spread[i2 - (plane * 576)];
        }
      }
    }
  }
}
