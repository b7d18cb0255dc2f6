// k0_pointwise: dropout_1, activation_1: random, floordiv, mul, less, add,
//   maximum, div, where
// batch x 512 elements, vectors
// w0: a seed or a stream of random words
// w1: a seed or a stream of random words
// x0: x float32[batch, 512]
// x1: bias float32[512]
// y0: dropout_1/where float32[batch, 512]
void k0_pointwise(
    int batch, gc_uint64 call_step, unsigned int w0, unsigned int w1,
    const float* __restrict__ x0, const float* __restrict__ x1, float* y0) {
  #pragma omp parallel for schedule(static) if ((gc_int64)528 * batch >= 65536)
  for (int p0 = 0; p0 < (batch + 1) / 2; ++p0) {
    unsigned int t0_words[1024];
    gc_draw_words<1024>(512 * batch - p0 * 1024, t0_words,
        gc_cast<gc_int64>(p0 * 1024), 0, call_step, w0, w1);
    const int end_of_p1 = gc_minimum(2, batch - p0 * 2);
    for (int p1 = 0; p1 < end_of_p1; ++p1) {
      #pragma omp simd
      for (int p2 = 0; p2 < 512; ++p2) {
        const unsigned int t0 = t0_words[p1 * 512 + p2];  // dropout_1
        const unsigned int t1 = gc_floordiv(t0, 256u);  // dropout_1
        const float t2 = gc_cast<float>(t1);  // dropout_1
        const float t3 = gc_mul(t2, 5.9604645e-08f);  // dropout_1
        const bool t4 = gc_less(t3, 0.8f);  // dropout_1
        // activation_1
        const float t5 = gc_add(x0[p0 * 1024 + p1 * 512 + p2], x1[p2]);
        const float t6 = gc_maximum(t5, 0.0f);  // activation_1
        const float t7 = gc_div(t6, 0.8f);  // dropout_1
        const float t8 = gc_where(t4, t7, 0.0f);  // dropout_1
        y0[p0 * 1024 + p1 * 512 + p2] = t8;
      }
    }
  }
}
