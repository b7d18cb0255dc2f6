// k0_gather: embedding_1: gather
// batch x 80 x 128 elements, vectors
// x0: W float32[20000, 128]
// x1: embedding_1/words int32[batch, 80]
// y0: embedding_1/gather float32[batch, 80, 128]
void k0_gather(
    int batch, gc_uint64* status, const float* __restrict__ x0,
    const int* __restrict__ x1, float* y0) {
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)10240 * batch >= 65536)
  for (int p0 = 0; p0 < 80 * batch; ++p0) {
    const int g0 = gc_check_index(status, 0, p0, x1[p0], 20000);
    #pragma omp simd
    for (int p1 = 0; p1 < 128; ++p1) {
      y0[p0 * 128 + p1] = x0[g0 * 128 + p1];
    }
  }
}
