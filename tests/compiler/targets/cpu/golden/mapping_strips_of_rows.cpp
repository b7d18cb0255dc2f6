void strips_of_rows(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    float* y0) {
  float* const panels = gc_scratch<float>(0, 512 * batch);
  // copy what is read of x1 to panels
  #pragma omp parallel for schedule(static) if ((gc_int64)512 * batch >= 65536)
  for (int panels_axis1_outer = 0; panels_axis1_outer < 16;
      ++panels_axis1_outer) {
    for (int panels_axis0 = 0; panels_axis0 < batch; ++panels_axis0) {
      #pragma omp simd
      for (int panels_axis1_inner = 0; panels_axis1_inner < 32;
          ++panels_axis1_inner) {
        panels[panels_axis1_outer * (32 * batch) + panels_axis0 * 32 +
            panels_axis1_inner] =
            x1[panels_axis1_outer * 32 + panels_axis0 * 512 +
                panels_axis1_inner];
      }
    }
  }
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)13426 * batch >= 65536)
  for (int i0_outer = 0; i0_outer < 14; ++i0_outer) {
    float* const strip = gc_scratch<float>(1, 56 * batch);
    // copy what is read of x0 to strip
    gc_transpose(batch, 56, x0 + i0_outer * 56, 784, strip, batch);
    for (int s0_column_outer = 0; s0_column_outer < 16; ++s0_column_outer) {
      gc_panel_product(56, 32, batch,
          y0 + i0_outer * 28672 + s0_column_outer * 32, 512, strip, batch,
          panels + s0_column_outer * (32 * batch), 32);
      // matmul
      for (int k0_outer_behind = 0; k0_outer_behind < (batch + 255) / 256 - 1;
          ++k0_outer_behind) {
        gc_panel_product<GC_ADDED>(56, 32, batch - k0_outer_behind * 256 - 256,
            y0 + i0_outer * 28672 + s0_column_outer * 32, 512,
            strip + k0_outer_behind * 256 + 256, batch,
            panels + s0_column_outer * (32 * batch) + k0_outer_behind * 8192 +
            8192, 32);
      }
    }
  }
}
