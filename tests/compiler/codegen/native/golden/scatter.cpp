// k0_scatter: gradient of embedding_1: scatter_add, mul, sub
// 80*batch indices, added in their order
// x0: words int32[batch, 80]
// x1: gradient of embedding_1/cotangents float32[batch, 80, 128]
// x2: W float32[20000, 128]
// y0: gradient of embedding_1/sub float32[20000, 128]
static void k0_scatter(
    int batch, const int* __restrict__ x0, gc_uint64* status, const float* __restrict__ x1,
    const float* __restrict__ x2, float* y0) {
  float* s0 = gc_scratch<float>(0, (size_t)(2560001));
  for (int i = 0; i < 2560000; ++i) s0[i] = 0;
  {
    for (int p0 = 0; p0 < batch; ++p0) {
      for (int p1 = 0; p1 < 80; ++p1) {
        const int i4 = p0 * 80 + p1;
        const int t6 = x0[i4];
        const int t7 = gc_check_index(status, 0, i4, t6, 20000);
        #pragma omp simd
        for (int p2 = 0; p2 < 128; ++p2) {
          const int i3 = (p0 * 80 + p1) * 128 + p2;
          const float t8 = x1[i3];
          const int i9 = t7 * 128 + p2;
          s0[i9] = gc_add(s0[i9], t8);
        }
      }
    }
  }
  {
    #pragma omp parallel for simd schedule(static)
    for (int p0 = 0; p0 < 2560000; ++p0) {
      const float t1 = x2[p0];
      const float t2 = gc_mul(0.01f, s0[p0]);  // gradient of embedding_1
      const float t3 = gc_sub(t1, t2);  // gradient of embedding_1
      y0[p0] = t3;
    }
  }
}
