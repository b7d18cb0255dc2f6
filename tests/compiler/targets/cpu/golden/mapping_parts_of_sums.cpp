void parts_of_sums(
    const float* __restrict__ x0, const float* __restrict__ x1, float* y0) {
  float* const s0 = gc_scratch<float>(0, 1024);
  for (int i0 = 0; i0 < 32; ++i0) {
    #pragma omp simd
    for (int i1 = 0; i1 < 32; ++i1) {
      s0[i0 * 32 + i1] = 0.0f;
    }
  }
  float* const s0_parts = gc_scratch<float>(1, 65536);
  // matmul
  #pragma omp parallel for schedule(static)
  for (int k0_outer = 0; k0_outer < 64; ++k0_outer) {
    gc_panel_product(32, 32, 256, s0_parts + k0_outer * 1024, 32,
        x0 + k0_outer * 256, 16384, x1 + k0_outer * 8192, 32);
  }
  for (int i0 = 0; i0 < 32; ++i0) {
    // combine the parts of s0
    for (int s0_part = 0; s0_part < 64; ++s0_part) {
      #pragma omp simd
      for (int i1 = 0; i1 < 32; ++i1) {
        s0[i0 * 32 + i1] =
            gc_add(s0[i0 * 32 + i1], s0_parts[i0 * 32 + s0_part * 1024 + i1]);
      }
    }
    #pragma omp simd
    for (int i1 = 0; i1 < 32; ++i1) {
      y0[i0 * 32 + i1] = s0[i0 * 32 + i1];
    }
  }
}
