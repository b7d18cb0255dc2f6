void transposed_tiles_of_rows(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    float* y0) {
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)65536 * batch >= 65536)
  for (int i0 = 0; i0 < batch; ++i0) {
    for (int i1_outer = 0; i1_outer < 4; ++i1_outer) {
      float* const y0_tile = gc_scratch<float>(0, 5376);
      float s0[256];
      #pragma omp simd
      for (int i1_inner = 0; i1_inner < 256; ++i1_inner) {
        s0[i1_inner] = 0.0f;
      }
      // sum
      for (int k0 = 0; k0 < 21; ++k0) {
        #pragma omp simd simdlen(GC_LANES(float))
        for (int i1_inner = 0; i1_inner < 256; ++i1_inner) {
          const float t0 =
              gc_sub(x0[i0 * 21504 + i1_outer * 256 + k0 * 1024 + i1_inner],
                  x1[i0 * 1024 + i1_outer * 256 + i1_inner]);
          const float t1 = gc_exp(t0);
          s0[i1_inner] = gc_add(s0[i1_inner], t1);
        }
      }
      for (int k1 = 0; k1 < 21; ++k1) {
        #pragma omp simd simdlen(GC_LANES(float))
        for (int i1_inner = 0; i1_inner < 256; ++i1_inner) {
          const float t2 =
              gc_sub(x0[i0 * 21504 + i1_outer * 256 + k1 * 1024 + i1_inner],
                  x1[i0 * 1024 + i1_outer * 256 + i1_inner]);
          const float t3 = gc_exp(t2);
          const float t4 = gc_div(t3, s0[i1_inner]);
          y0_tile[k1 * 256 + i1_inner] = t4;
        }
      }
      gc_transpose_tile<256, 21>(256, 21, y0_tile, 256,
          y0 + i0 * 21504 + i1_outer * 5376, 21);
    }
  }
}
