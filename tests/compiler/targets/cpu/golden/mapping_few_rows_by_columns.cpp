void few_rows_by_columns(
    const float* __restrict__ x0, const float* __restrict__ x1, float* y0) {
  float* const panels = gc_scratch<float>(0, 8192);
  // copy what is read of x0 to panels
  for (int panels_axis1 = 0; panels_axis1 < 1024; ++panels_axis1) {
    #pragma omp simd
    for (int panels_axis0_inner = 0; panels_axis0_inner < 4;
        ++panels_axis0_inner) {
      panels[panels_axis1 * 8 + panels_axis0_inner] =
          x0[panels_axis1 + panels_axis0_inner * 1024];
    }
  }
  #pragma omp parallel for schedule(static)
  for (int i1_outer = 0; i1_outer < 4; ++i1_outer) {
    float* const s0 = gc_scratch<float>(1, 512);
    for (int i0 = 0; i0 < 4; ++i0) {
      #pragma omp simd
      for (int i1_inner = 0; i1_inner < 128; ++i1_inner) {
        s0[i0 * 128 + i1_inner] = 0.0f;
      }
    }
    // matmul
    for (int k0_outer = 0; k0_outer < 4; ++k0_outer) {
      gc_panel_product_transposed<GC_ADDED>(4, 128, 256, s0, 128,
          panels + k0_outer * 2048, 8, x1 + i1_outer * 131072 + k0_outer * 256,
          1024);
    }
    for (int i0 = 0; i0 < 4; ++i0) {
      #pragma omp simd
      for (int i1_inner = 0; i1_inner < 128; ++i1_inner) {
        y0[i1_outer * 128 + i0 * 512 + i1_inner] = s0[i0 * 128 + i1_inner];
      }
    }
  }
}
