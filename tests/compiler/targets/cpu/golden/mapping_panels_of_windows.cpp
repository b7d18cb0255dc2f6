void panels_of_windows(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    float* y0) {
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)905472 * batch >= 65536)
  for (int i0 = 0; i0 < batch; ++i0) {
    float* const image = gc_scratch<float>(0, 20736);
    // copy what is read of x0 to image
    for (int image_axis1 = 0; image_axis1 < 16; ++image_axis1) {
      #pragma omp simd
      for (int image_axis2_below_image_axis3 = 0;
          image_axis2_below_image_axis3 < 72; ++image_axis2_below_image_axis3) {
        image[image_axis1 * 1296 + image_axis2_below_image_axis3] = 0.0f;
      }
      for (int image_axis2_behind_below = 0; image_axis2_behind_below < 32;
          ++image_axis2_behind_below) {
        #pragma omp simd
        for (int image_axis3_2_below = 0; image_axis3_2_below < 2;
            ++image_axis3_2_below) {
          image[image_axis1 * 1296 + image_axis2_behind_below * 36 +
              image_axis3_2_below + 72] = 0.0f;
        }
        #pragma omp simd
        for (int image_axis3_2_behind_below = 0;
            image_axis3_2_behind_below < 32; ++image_axis3_2_behind_below) {
          image[image_axis1 * 1296 + image_axis2_behind_below * 36 +
              image_axis3_2_behind_below + 74] =
              x0[i0 * 16384 + image_axis1 * 1024 +
                  image_axis2_behind_below * 32 + image_axis3_2_behind_below];
        }
        #pragma omp simd
        for (int image_axis3_2_behind_behind = 0;
            image_axis3_2_behind_behind < 2; ++image_axis3_2_behind_behind) {
          image[image_axis1 * 1296 + image_axis2_behind_below * 36 +
              image_axis3_2_behind_behind + 106] = 0.0f;
        }
      }
      #pragma omp simd
      for (int image_axis2_behind_behind_image_axis3 = 0;
          image_axis2_behind_behind_image_axis3 < 72;
          ++image_axis2_behind_behind_image_axis3) {
        image[image_axis1 * 1296 + image_axis2_behind_behind_image_axis3 +
            1224] = 0.0f;
      }
    }
    for (int i2 = 0; i2 < 32; ++i2) {
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
                    image[i2 * 36 + k0_outer * 5184 + panel_axis0_outer * 1296 +
                        panel_axis0_inner_outer * 36 + panel_axis0_inner_inner +
                        panel_axis1];
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
          y0[i0 * 32768 + i2 * 32 + i1 * 1024 + i3] = s0[i1 * 32 + i3];
        }
      }
    }
  }
}
