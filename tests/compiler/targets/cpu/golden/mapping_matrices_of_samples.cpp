void matrices_of_samples(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    float* y0) {
  #pragma omp parallel for schedule(static) if ((gc_int64)8704 * batch >= 65536)
  for (int i0 = 0; i0 < batch; ++i0) {
    for (int i2_i3_outer = 0; i2_i3_outer < 8; ++i2_i3_outer) {
      gc_panel_product(32, 32, 32, y0 + i0 * 8192 + i2_i3_outer * 32, 256, x1,
          32, x0 + i0 * 8192 + i2_i3_outer * 32, 256);
    }
  }
}
