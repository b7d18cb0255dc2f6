// k0_matmul: attention_1: transpose, matmul, mul
// batch x 4 x 40 x 40 elements, panels of columns
// x0: q float32[batch, 40, 64]
// x1: k float32[batch, 40, 64]
// y0: attention_1/mul float32[batch, 4, 40, 40]
void k0_matmul(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    float* y0) {
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)18240 * batch >= 65536)
  for (int i0_i1 = 0; i0_i1 < 4 * batch; ++i0_i1) {
    float* const panels = gc_scratch<float>(0, 1024);
    gc_transpose(32, 16, x1 + i0_i1 / 4 * 2560 + i0_i1 % 4 * 16, 64, panels,
        32);
    for (int panels_axis2 = 0; panels_axis2 < 16; ++panels_axis2) {
      #pragma omp simd
      for (int panels_axis1_inner = 0; panels_axis1_inner < 8;
          ++panels_axis1_inner) {
        panels[panels_axis2 * 32 + panels_axis1_inner + 512] =
            x1[i0_i1 / 4 * 2560 + i0_i1 % 4 * 16 + panels_axis2 +
                panels_axis1_inner * 64 + 2048];
      }
    }
    for (int i3_outer = 0; i3_outer < 2; ++i3_outer) {
      float* const s0 = gc_scratch<float>(1, 1280);
      gc_panel_product(40, 40 - i3_outer * 32, 16, s0, 32,
          x0 + i0_i1 / 4 * 2560 + i0_i1 % 4 * 16, 64, panels + i3_outer * 512,
          32);
      for (int i2 = 0; i2 < 40; ++i2) {
        const int end_of_i3_inner = gc_minimum(32, 40 - i3_outer * 32);
        #pragma omp simd
        for (int i3_inner = 0; i3_inner < end_of_i3_inner; ++i3_inner) {
          // attention_1
          const float t0 = gc_mul(s0[i2 * 32 + i3_inner], 0.25f);
          y0[i0_i1 * 1600 + i3_outer * 32 + i2 * 40 + i3_inner] = t0;
        }
      }
    }
  }
}
