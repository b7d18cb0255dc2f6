void pooled_panels_of_windows(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    float* y0) {
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)145410 * batch >= 65536)
  for (int i0 = 0; i0 < batch; ++i0) {
    float* const sums = gc_scratch<float>(0, 14400);
    for (int sums_axis1 = 0; sums_axis1 < 30; ++sums_axis1) {
      float* const s1_2 = gc_scratch<float>(1, 480);
      // add up all s1, to sums
      #pragma omp simd
      for (int sums_axis0_sums_axis2 = 0; sums_axis0_sums_axis2 < 480;
          ++sums_axis0_sums_axis2) {
        s1_2[sums_axis0_sums_axis2] = 0.0f;
      }
      float* const panel = gc_scratch<float>(2, 2250);
      // compute x0_element ahead, to panel
      for (int panel_axis0_outer = 0; panel_axis0_outer < 3;
          ++panel_axis0_outer) {
        for (int panel_axis0_inner_outer = 0; panel_axis0_inner_outer < 5;
            ++panel_axis0_inner_outer) {
          for (int panel_axis0_inner_inner = 0; panel_axis0_inner_inner < 5;
              ++panel_axis0_inner_inner) {
            #pragma omp simd
            for (int panel_axis1 = 0; panel_axis1 < 30; ++panel_axis1) {
              panel[panel_axis0_outer * 750 + panel_axis0_inner_outer * 150 +
                  panel_axis0_inner_inner * 30 + panel_axis1] =
                  x0[i0 * 12675 + sums_axis1 * 130 + panel_axis0_outer * 4225 +
                      panel_axis0_inner_outer * 65 + panel_axis0_inner_inner +
                      panel_axis1 * 2];
            }
          }
        }
      }
      gc_panel_product_add<75, 30>(75, 16, 30, s1_2, 30, x1, 75, panel, 30);
      // add up all s1, to sums
      for (int sums_axis0 = 0; sums_axis0 < 16; ++sums_axis0) {
        #pragma omp simd
        for (int sums_axis2 = 0; sums_axis2 < 30; ++sums_axis2) {
          sums[sums_axis1 * 30 + sums_axis0 * 900 + sums_axis2] =
              s1_2[sums_axis0 * 30 + sums_axis2];
        }
      }
    }
    for (int i1 = 0; i1 < 16; ++i1) {
      for (int i2 = 0; i2 < 15; ++i2) {
        #pragma omp simd
        for (int i3_inner = 0; i3_inner < 8; ++i3_inner) {
          float s0 = 0.0f;
          // sum_pool
          #pragma GCC unroll 2
          for (int k0 = 0; k0 < 2; ++k0) {
            #pragma GCC unroll 2
            for (int k1 = 0; k1 < 2; ++k1) {
              s0 =
                  gc_add(s0,
                      sums[i1 * 900 + i2 * 60 + i3_inner * 2 + k0 * 30 + k1]);
            }
          }
          const float t0 = gc_mul(s0, 0.25f);
          y0[i0 * 3600 + i1 * 225 + i2 * 15 + i3_inner] = t0;
        }
        #pragma omp simd
        for (int i3_rest = 0; i3_rest < 8; ++i3_rest) {
          float s0_2 = 0.0f;
          // sum_pool
          #pragma GCC unroll 2
          for (int k0 = 0; k0 < 2; ++k0) {
            #pragma GCC unroll 2
            for (int k1 = 0; k1 < 2; ++k1) {
              s0_2 =
                  gc_add(s0_2,
                      sums[i1 * 900 + i2 * 60 + i3_rest * 2 + k0 * 30 + k1 +
                          14]);
            }
          }
          const float t0_2 = gc_mul(s0_2, 0.25f);
          y0[i0 * 3600 + i1 * 225 + i2 * 15 + i3_rest + 7] = t0_2;
        }
      }
    }
  }
}
