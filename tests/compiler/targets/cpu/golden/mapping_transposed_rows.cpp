void transposed_rows(
    int batch, const float* __restrict__ x0, float* y0) {
  #pragma omp parallel for schedule(static) if ((gc_int64)22 * batch >= 65536)
  for (int i0_outer = 0; i0_outer < (batch + 255) / 256; ++i0_outer) {
    float* const x0_tile = gc_scratch<float>(0, 2560);
    gc_transpose_to_tile<10, 256>(10, batch - i0_outer * 256,
        x0 + i0_outer * 2560, 10, x0_tile, 256);
    float s0[256];
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
        s0[i0_inner_2] =
            gc_larger_in_lanes(s0[i0_inner_2], x0_tile[k0 * 256 + i0_inner_2]);
      }
    }
    const int end_of_i0_inner_2 = gc_minimum(256, batch - i0_outer * 256);
    #pragma omp simd
    for (int i0_inner_2 = 0; i0_inner_2 < end_of_i0_inner_2; ++i0_inner_2) {
      y0[i0_outer * 256 + i0_inner_2] = s0[i0_inner_2];
    }
  }
}
