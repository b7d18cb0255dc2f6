// k0_matmul: attention_1: transpose, matmul, mul
// batch x 4 x 40 x 40 elements, panels of columns
// x0: q float32[batch, 40, 64]
// x1: k float32[batch, 40, 64]
// y0: attention_1/mul float32[batch, 4, 40, 40]
static void k0_matmul(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    float* y0) {
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)82176 * batch >= 65536)
  for (int i0_i1 = 0; i0_i1 < 4 * batch; ++i0_i1) {
    float* const panels = gc_scratch<float>(0, 1024);
    gc_transpose(32, 16, x1 + i0_i1 / 4 * 2560 + i0_i1 % 4 * 16, 64, panels,
        32);
    for (int panels_axis2_2 = 0; panels_axis2_2 < 16; ++panels_axis2_2) {
      #pragma omp simd
      for (int panels_axis1_inner_2 = 0; panels_axis1_inner_2 < 32;
          ++panels_axis1_inner_2) {
        panels[panels_axis2_2 * 32 + panels_axis1_inner_2 + 512] =
            panels_axis1_inner_2 < 8 ?
            x1[i0_i1 / 4 * 2560 + i0_i1 % 4 * 16 + panels_axis2_2 +
                panels_axis1_inner_2 * 64 + 2048] : 0.0f;
      }
    }
    for (int i3_outer = 0; i3_outer < 2; ++i3_outer) {
      float* const s0 = gc_scratch<float>(1, 1280);
      gc_panel_product(40, 40 - i3_outer * 32, 16, s0, 32,
          x0 + i0_i1 / 4 * 2560 + i0_i1 % 4 * 16, 64, panels + i3_outer * 512,
          32);
      for (int i2_3 = 0; i2_3 < 40; ++i2_3) {
        const int end_of_i3_inner_3 = gc_minimum(32, 40 - i3_outer * 32);
        #pragma omp simd
        for (int i3_inner_3 = 0; i3_inner_3 < end_of_i3_inner_3; ++i3_inner_3) {
          // attention_1
          const float t0 = gc_mul(s0[i2_3 * 32 + i3_inner_3], 0.25f);
          y0[i0_i1 * 1600 + i3_outer * 32 + i2_3 * 40 + i3_inner_3] = t0;
        }
      }
    }
  }
}
