// k0_scatter: gradient of embedding_1: scatter_add, mul, sub
// 80*batch indices, added in their order; every row is written: gradient of
//   embedding_1/sub is not written over the old value
// x0: words int32[batch, 80]
// x1: gradient of embedding_1/cotangents float32[batch, 80, 128]
// x2: W float32[20000, 128]
// y0: gradient of embedding_1/sub float32[20000, 128]
static void k0_scatter(
    int batch, const int* __restrict__ x0, gc_uint64* status,
    const float* __restrict__ x1, const float* __restrict__ x2, float* y0) {
  int* at = gc_scratch<int>(GC_NAMED, 80 * batch);
  {
    for (int p0 = 0; p0 < 80 * batch; ++p0) {
      const int t1 = x0[p0];
      const int t2 = gc_check_index(status, 0, p0, t1, 20000);
      at[p0] = t2;
    }
  }
  const gc_named named = gc_named_rows(at, 80 * batch, 20000);
  float* sums = gc_scratch<float>(GC_SUMS, (size_t)(named.count + 1) * 128);
  float* none = sums + (size_t)named.count * 128;
  for (int i = 0; i < 128; ++i) none[i] = 0;
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)(80 * batch) * 128 >= 65536)
  for (int slot = 0; slot < named.count; ++slot) {
    float* sum = sums + (size_t)slot * 128;
    for (int i = 0; i < 128; ++i) sum[i] = 0;
    for (int place = named.head[slot]; place >= 0; place = named.next[place]) {
      #pragma omp simd
      for (int p0 = place * 128; p0 < (place + 1) * 128; ++p0) {
        const float t1 = x1[p0];
        sum[p0 - (place * 128)] = gc_add(sum[p0 - (place * 128)], t1);
      }
    }
  }
  #pragma omp parallel for schedule(static)
  for (int row = 0; row < 20000; ++row) {
    const int slot = named.slot[row];
    const float* sum = slot < 0 ? none : sums + (size_t)slot * 128;
    #pragma omp simd
    for (int p0 = row * 128; p0 < (row + 1) * 128; ++p0) {
      const float t1 = x2[p0];
      // gradient of embedding_1
      const float t2 = gc_mul(0.01f, sum[p0 - (row * 128)]);
      const float t3 = gc_sub(t1, t2);  // gradient of embedding_1
      y0[p0] = t3;
    }
  }
}
