void panels_of_columns(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    float* y0) {
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)270336 * batch >= 65536)
  for (int i0_i1 = 0; i0_i1 < 8 * batch; ++i0_i1) {
    for (int i3_outer = 0; i3_outer < 4; ++i3_outer) {
      gc_panel_product(128, 32, 64, y0 + i0_i1 * 16384 + i3_outer * 32, 128,
          x0 + i0_i1 * 8192, 64, x1 + i0_i1 * 8192 + i3_outer * 32, 128);
    }
  }
}
