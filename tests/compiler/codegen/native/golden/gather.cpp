// k0_gather: embedding_1: gather
// batch x 80 x 128 elements
// x0: embedding_1/words int32[batch, 80]
// x1: W float32[20000, 128]
// y0: embedding_1/gather float32[batch, 80, 128]
static void k0_gather(
    int batch, const int* __restrict__ x0, gc_uint64* status,
    const float* __restrict__ x1, float* y0) {
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)(10240 * batch) >= 65536)
  for (int p0 = 0; p0 < batch; ++p0) {
    for (int p1 = 0; p1 < 80; ++p1) {
      const int i4 = p0 * 80 + p1;
      const int t6 = x0[i4];
      const int t7 = gc_check_index(status, 0, i4, t6, 20000);
      #pragma omp simd
      for (int p2 = 0; p2 < 128; ++p2) {
        const int i3 = (p0 * 80 + p1) * 128 + p2;
        const int i8 = t7 * 128 + p2;
        const float t9 = x1[i8];
        y0[i3] = t9;
      }
    }
  }
}
