void blocks_of_columns(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    float* y0) {
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)(4128 * batch + 131072) >= 65536)
  for (int i1_outer = 0; i1_outer < 2; ++i1_outer) {
    float* const panels = gc_scratch<float>(0, 65536);
    // copy what is read of x1 to panels
    for (int panels_axis0_outer = 0; panels_axis0_outer < 4;
        ++panels_axis0_outer) {
      gc_transpose(32, 512, x1 + i1_outer * 65536 + panels_axis0_outer * 16384,
          512, panels + panels_axis0_outer * 16384, 32);
    }
    for (int i0_outer = 0; i0_outer < (batch + 63) / 64; ++i0_outer) {
      for (int s0_column_outer = 0; s0_column_outer < 4; ++s0_column_outer) {
        gc_panel_product<GC_STORED, 64>(batch - i0_outer * 64, 32, 256,
            y0 + i1_outer * 128 + i0_outer * 16384 + s0_column_outer * 32, 256,
            x0 + i0_outer * 32768, 512, panels + s0_column_outer * 16384, 32);
        gc_panel_product<GC_ADDED, 64>(batch - i0_outer * 64, 32, 256,
            y0 + i1_outer * 128 + i0_outer * 16384 + s0_column_outer * 32, 256,
            x0 + i0_outer * 32768 + 256, 512,
            panels + s0_column_outer * 16384 + 8192, 32);
      }
    }
  }
}
