// k0_pointwise: dropout_1, activation_1: random, floordiv, mul, less, add,
//   maximum, div, where
// batch x 512 elements
// w0: a seed of random words
// w1: a stream of random words
// x0: x float32[batch, 512]
// x1: bias float32[512]
// y0: dropout_1/where float32[batch, 512]
static void k0_pointwise(
    int batch, unsigned int w0, unsigned int w1, gc_uint64 call_step,
    const float* __restrict__ x0, const float* __restrict__ x1, float* y0) {
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)(512 * batch) >= 65536)
  for (int p0 = 0; p0 < batch; ++p0) {
    for (int part = 0; part < 512; part += GC_WORDS) {
      const int end = 512 - part < GC_WORDS ? 512 : part + GC_WORDS;
      unsigned int of_words3[GC_ROOM];
      const unsigned int* words3 =
          gc_random_row(of_words3, p0 * 512 + part, end - part, 0, call_step,
              w0, w1);
      #pragma omp simd
      for (int p1 = part; p1 < end; ++p1) {
        const int drawn = p1 - part;
        const int i2 = p0 * 512 + p1;
        const unsigned int t4 = words3[drawn];  // dropout_1
        const unsigned int t5 = gc_floordiv(t4, 256u);  // dropout_1
        const float t6 = gc_cast<float>(t5);  // dropout_1
        const float t7 = gc_mul(t6, 5.9604645e-08f);  // dropout_1
        const bool t8 = gc_less(t7, 0.8f);  // dropout_1
        const float t9 = x0[i2];
        const float t10 = x1[p1];
        const float t11 = gc_add(t9, t10);  // activation_1
        const float t12 = gc_maximum(t11, 0.0f);  // activation_1
        const float t13 = gc_div(t12, 0.8f);  // dropout_1
        const float t14 = gc_where(t8, t13, 0.0f);  // dropout_1
        y0[i2] = t14;
      }
    }
  }
}
