void panels_of_windows(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    float* y0) {
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)928256 * batch >= 65536)
  for (int i0_i2_outer = 0; i0_i2_outer < 2 * batch; ++i0_i2_outer) {
    float* const image = gc_scratch<float>(0, 11520);
    // copy what is read of x0 to image
    for (int image_axis1 = 0; image_axis1 < 16; ++image_axis1) {
      for (int image_axis2 = 0; image_axis2 < 20; ++image_axis2) {
        #pragma omp simd
        for (int image_axis3_below = 0; image_axis3_below < 2;
            ++image_axis3_below) {
          image[image_axis1 * 720 + image_axis2 * 36 + image_axis3_below] =
              0.0f;
        }
        if (i0_i2_outer % 2 * 16 + image_axis2 >= 2 &&
            i0_i2_outer % 2 * 16 + image_axis2 < 34) {
          #pragma omp simd
          for (int image_axis3_behind_below = 0; image_axis3_behind_below < 32;
              ++image_axis3_behind_below) {
            image[image_axis1 * 720 + image_axis2 * 36 +
                image_axis3_behind_below + 2] =
                x0[i0_i2_outer / 2 * 16384 + i0_i2_outer % 2 * 512 +
                    image_axis1 * 1024 + image_axis2 * 32 +
                    image_axis3_behind_below - 64];
          }
        } else {
          #pragma omp simd
          for (int image_axis3_behind_below = 0; image_axis3_behind_below < 32;
              ++image_axis3_behind_below) {
            image[image_axis1 * 720 + image_axis2 * 36 +
                image_axis3_behind_below + 2] = 0.0f;
          }
        }
        #pragma omp simd
        for (int image_axis3_behind_behind = 0; image_axis3_behind_behind < 2;
            ++image_axis3_behind_behind) {
          image[image_axis1 * 720 + image_axis2 * 36 +
              image_axis3_behind_behind + 34] = 0.0f;
        }
      }
    }
    for (int i2_inner = 0; i2_inner < 16; ++i2_inner) {
      float* const s0 = gc_scratch<float>(1, 1024);
      for (int i1 = 0; i1 < 32; ++i1) {
        #pragma omp simd
        for (int i3 = 0; i3 < 32; ++i3) {
          s0[i1 * 32 + i3] = 0.0f;
        }
      }
      // conv
      for (int k0_outer = 0; k0_outer < 4; ++k0_outer) {
        float* const panel = gc_scratch<float>(2, 3200);
        // compute x0_element ahead, to panel
        for (int panel_axis0_outer = 0; panel_axis0_outer < 4;
            ++panel_axis0_outer) {
          for (int panel_axis0_inner_outer = 0; panel_axis0_inner_outer < 5;
              ++panel_axis0_inner_outer) {
            for (int panel_axis0_inner_inner = 0; panel_axis0_inner_inner < 5;
                ++panel_axis0_inner_inner) {
              #pragma omp simd
              for (int panel_axis1 = 0; panel_axis1 < 32; ++panel_axis1) {
                panel[panel_axis0_outer * 800 + panel_axis0_inner_outer * 160 +
                    panel_axis0_inner_inner * 32 + panel_axis1] =
                    image[i2_inner * 36 + k0_outer * 2880 +
                        panel_axis0_outer * 720 + panel_axis0_inner_outer * 36 +
                        panel_axis0_inner_inner + panel_axis1];
              }
            }
          }
        }
        gc_panel_product_add<100, 32>(100, 32, 32, s0, 32, x1 + k0_outer * 100,
            400, panel, 32);
      }
      for (int i1 = 0; i1 < 32; ++i1) {
        #pragma omp simd
        for (int i3 = 0; i3 < 32; ++i3) {
          y0[i0_i2_outer / 2 * 32768 + i0_i2_outer % 2 * 512 + i2_inner * 32 +
              i1 * 1024 + i3] = s0[i1 * 32 + i3];
        }
      }
    }
  }
}
