void tiles_of_rows(
    int batch, const float* __restrict__ x0, float* y0) {
  const float t0 = gc_cast<float>(gc_cast<gc_int64>(batch));
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)(514 * batch + 1024) >= 65536)
  for (int i0_outer = 0; i0_outer < 2; ++i0_outer) {
    float s0[256];
    #pragma omp simd
    for (int i0_inner = 0; i0_inner < 256; ++i0_inner) {
      s0[i0_inner] = 0.0f;
    }
    float* const s0_parts = gc_scratch<float>(0, 256 * ((batch + 511) / 512));
    // sum
    for (int k0_outer = 0; k0_outer < (batch + 511) / 512; ++k0_outer) {
      // start the parts of s0
      #pragma omp simd
      for (int i0_inner = 0; i0_inner < 256; ++i0_inner) {
        s0_parts[k0_outer * 256 + i0_inner] = 0.0f;
      }
      const int end_of_k0_inner = gc_minimum(512, batch - k0_outer * 512);
      for (int k0_inner = 0; k0_inner < end_of_k0_inner; ++k0_inner) {
        #pragma omp simd
        for (int i0_inner = 0; i0_inner < 256; ++i0_inner) {
          s0_parts[k0_outer * 256 + i0_inner] =
              gc_add(s0_parts[k0_outer * 256 + i0_inner],
                  x0[i0_outer * 256 + k0_outer * 262144 + k0_inner * 512 +
                      i0_inner]);
        }
      }
    }
    // combine the parts of s0
    for (int s0_part = 0; s0_part < (batch + 511) / 512; ++s0_part) {
      #pragma omp simd
      for (int i0_inner = 0; i0_inner < 256; ++i0_inner) {
        s0[i0_inner] = gc_add(s0[i0_inner], s0_parts[s0_part * 256 + i0_inner]);
      }
    }
    #pragma omp simd
    for (int i0_inner = 0; i0_inner < 256; ++i0_inner) {
      const float t1 = gc_div(s0[i0_inner], t0);
      y0[i0_outer * 256 + i0_inner] = t1;
    }
  }
}
