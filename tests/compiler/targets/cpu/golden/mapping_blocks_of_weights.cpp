void blocks_of_weights(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    float* y0) {
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)(725248 * batch + 204800) >= 65536)
  for (int i0_outer_i1_outer_outer = 0; i0_outer_i1_outer_outer < 8;
      ++i0_outer_i1_outer_outer) {
    float* const s0 = gc_scratch<float>(0, 12800);
    for (int i0_inner = 0; i0_inner < 16; ++i0_inner) {
      for (int i2 = 0; i2 < 5; ++i2) {
        for (int i3 = 0; i3 < 5; ++i3) {
          #pragma omp simd
          for (int i1_inner = 0; i1_inner < 32; ++i1_inner) {
            s0[i0_inner * 800 + i2 * 160 + i3 * 32 + i1_inner] = 0.0f;
          }
        }
      }
    }
    // conv
    for (int k0 = 0; k0 < batch; ++k0) {
      float* const matrix = gc_scratch<float>(1, 6272);
      gc_transpose(32, 196,
          x1 + i0_outer_i1_outer_outer % 2 * 6272 + k0 * 12544, 196, matrix,
          32);  // copy what is read of x1 to matrix
      float* const image = gc_scratch<float>(2, 5184);
      // copy what is read of x0 to image
      for (int image_axis1 = 0; image_axis1 < 16; ++image_axis1) {
        #pragma omp simd
        for (int image_axis2_below_image_axis3 = 0;
            image_axis2_below_image_axis3 < 36;
            ++image_axis2_below_image_axis3) {
          image[image_axis1 * 324 + image_axis2_below_image_axis3] = 0.0f;
        }
        for (int image_axis2_behind_below = 0; image_axis2_behind_below < 14;
            ++image_axis2_behind_below) {
          #pragma omp simd
          for (int image_axis3_2_below = 0; image_axis3_2_below < 2;
              ++image_axis3_2_below) {
            image[image_axis1 * 324 + image_axis2_behind_below * 18 +
                image_axis3_2_below + 36] = 0.0f;
          }
          #pragma omp simd
          for (int image_axis3_2_behind_below = 0;
              image_axis3_2_behind_below < 14; ++image_axis3_2_behind_below) {
            image[image_axis1 * 324 + image_axis2_behind_below * 18 +
                image_axis3_2_behind_below + 38] =
                x0[i0_outer_i1_outer_outer / 2 * 3136 + k0 * 12544 +
                    image_axis1 * 196 + image_axis2_behind_below * 14 +
                    image_axis3_2_behind_below];
          }
          #pragma omp simd
          for (int image_axis3_2_behind_behind = 0;
              image_axis3_2_behind_behind < 2; ++image_axis3_2_behind_behind) {
            image[image_axis1 * 324 + image_axis2_behind_below * 18 +
                image_axis3_2_behind_behind + 52] = 0.0f;
          }
        }
        #pragma omp simd
        for (int image_axis2_behind_behind_image_axis3 = 0;
            image_axis2_behind_behind_image_axis3 < 36;
            ++image_axis2_behind_behind_image_axis3) {
          image[image_axis1 * 324 + image_axis2_behind_behind_image_axis3 +
              288] = 0.0f;
        }
      }
      gc_window_sums<gc_height(10), 14, 14, true, true, 5, 5>(1, 16, 32, 14, s0,
          matrix, 448, 32, image, 18, 1, 324, 18, 1);
    }
    for (int i0_inner = 0; i0_inner < 16; ++i0_inner) {
      for (int i2 = 0; i2 < 5; ++i2) {
        for (int i3 = 0; i3 < 5; ++i3) {
          for (int i1_inner = 0; i1_inner < 32; ++i1_inner) {
            y0[i0_outer_i1_outer_outer / 2 * 25600 +
                i0_outer_i1_outer_outer % 2 * 800 + i0_inner * 1600 + i2 * 5 +
                i3 + i1_inner * 25] =
                s0[i0_inner * 800 + i2 * 160 + i3 * 32 + i1_inner];
          }
        }
      }
    }
  }
}
