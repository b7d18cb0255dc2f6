// k0_rows: activation_1: max, sub, exp, sum, div, mul
// batch x 10 elements, transposed rows
// x0: activation_1/x float32[batch, 10]
// y0: activation_1/mul float32[batch, 10]
void k0_rows(
    int batch, const float* __restrict__ x0, float* y0) {
  #pragma omp parallel for schedule(static) if ((gc_int64)53 * batch >= 65536)
  for (int i0_outer = 0; i0_outer < (batch + 255) / 256; ++i0_outer) {
    float* const y0_tile = gc_scratch<float>(0, 2560);
    float* const x0_tile = gc_scratch<float>(1, 2560);
    gc_transpose_to_tile<10, 256>(10, batch - i0_outer * 256,
        x0 + i0_outer * 2560, 10, x0_tile, 256);
    float s0[256];
    float s1[256];
    float t4[256];
    const int end_of_i0_inner = gc_minimum(256, batch - i0_outer * 256);
    #pragma omp simd
    for (int i0_inner = 0; i0_inner < end_of_i0_inner; ++i0_inner) {
      s0[i0_inner] = -gc_infinity<float>();
    }
    // max
    for (int k0 = 0; k0 < 10; ++k0) {
      const int end_of_i0_inner_2 = gc_minimum(256, batch - i0_outer * 256);
      #pragma omp simd
      for (int i0_inner_2 = 0; i0_inner_2 < end_of_i0_inner_2; ++i0_inner_2) {
        // activation_1
        s0[i0_inner_2] =
            gc_larger_in_lanes(s0[i0_inner_2], x0_tile[k0 * 256 + i0_inner_2]);
      }
    }
    const int end_of_i0_inner_2 = gc_minimum(256, batch - i0_outer * 256);
    #pragma omp simd
    for (int i0_inner_2 = 0; i0_inner_2 < end_of_i0_inner_2; ++i0_inner_2) {
      s1[i0_inner_2] = 0.0f;
    }
    // sum
    for (int k1 = 0; k1 < 10; ++k1) {
      const int end_of_i0_inner_3 = gc_minimum(256, batch - i0_outer * 256);
      #pragma omp simd simdlen(GC_LANES(float))
      for (int i0_inner_3 = 0; i0_inner_3 < end_of_i0_inner_3; ++i0_inner_3) {
        // activation_1
        const float t0 = gc_sub(x0_tile[k1 * 256 + i0_inner_3], s0[i0_inner_3]);
        const float t1 = gc_exp(t0);  // activation_1
        s1[i0_inner_3] = gc_add(s1[i0_inner_3], t1);  // activation_1
      }
    }
    const int end_of_i0_inner_3 = gc_minimum(256, batch - i0_outer * 256);
    #pragma omp simd
    for (int i0_inner_3 = 0; i0_inner_3 < end_of_i0_inner_3; ++i0_inner_3) {
      t4[i0_inner_3] = gc_div(1.0f, s1[i0_inner_3]);
    }
    for (int k2 = 0; k2 < 10; ++k2) {
      const int end_of_i0_inner_4 = gc_minimum(256, batch - i0_outer * 256);
      #pragma omp simd simdlen(GC_LANES(float))
      for (int i0_inner_4 = 0; i0_inner_4 < end_of_i0_inner_4; ++i0_inner_4) {
        // activation_1
        const float t2 = gc_sub(x0_tile[k2 * 256 + i0_inner_4], s0[i0_inner_4]);
        const float t3 = gc_exp(t2);  // activation_1
        const float t5 = gc_mul(t3, t4[i0_inner_4]);  // activation_1
        y0_tile[k2 * 256 + i0_inner_4] = t5;
      }
    }
    gc_transpose_tile<256, 10>(batch - i0_outer * 256, 10, y0_tile, 256,
        y0 + i0_outer * 2560, 10);
  }
}
