static void parts_of_samples(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    float* y0) {
  float* const s0 = gc_scratch<float>(0, 9216);
  for (int i1_outer = 0; i1_outer < 2; ++i1_outer) {
    for (int i0 = 0; i0 < 16; ++i0) {
      for (int i2 = 0; i2 < 3; ++i2) {
        for (int i3 = 0; i3 < 3; ++i3) {
          #pragma omp simd
          for (int i1_inner = 0; i1_inner < 32; ++i1_inner) {
            s0[i1_outer * 4608 + i0 * 288 + i2 * 96 + i3 * 32 + i1_inner] =
                0.0f;
          }
        }
      }
    }
  }
  float* const s0_parts = gc_scratch<float>(1, 73728);
  // conv
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)(291776 * batch + 73728) >= 65536)
  for (int k0_outer = 0; k0_outer < 8; ++k0_outer) {
    // start the parts of s0
    for (int i1_outer = 0; i1_outer < 2; ++i1_outer) {
      for (int i0 = 0; i0 < 16; ++i0) {
        for (int i2 = 0; i2 < 3; ++i2) {
          for (int i3 = 0; i3 < 3; ++i3) {
            #pragma omp simd
            for (int i1_inner = 0; i1_inner < 32; ++i1_inner) {
              s0_parts[k0_outer * 9216 + i1_outer * 4608 + i0 * 288 + i2 * 96 +
                  i3 * 32 + i1_inner] = 0.0f;
            }
          }
        }
      }
    }
    const int end_of_k0_inner =
        gc_minimum((batch + 7) / 8, batch - k0_outer * ((batch + 7) / 8));
    for (int k0_inner = 0; k0_inner < end_of_k0_inner; ++k0_inner) {
      float* const matrix = gc_scratch<float>(2, 50176);
      // copy what is read of x1 to matrix
      for (int matrix_axis1_outer = 0; matrix_axis1_outer < 2;
          ++matrix_axis1_outer) {
        gc_transpose(32, 784,
            x1 + k0_outer * (50176 * ((batch + 7) / 8)) + k0_inner * 50176 +
            matrix_axis1_outer * 25088, 784,
            matrix + matrix_axis1_outer * 25088, 32);
      }
      float* const image = gc_scratch<float>(3, 14400);
      // copy what is read of x0 to image
      for (int image_axis1 = 0; image_axis1 < 16; ++image_axis1) {
        #pragma omp simd
        for (int image_axis3 = 0; image_axis3 < 30; ++image_axis3) {
          image[image_axis1 * 900 + image_axis3] = 0.0f;
        }
        for (int image_axis2_behind_below = 0; image_axis2_behind_below < 28;
            ++image_axis2_behind_below) {
          image[image_axis1 * 900 + image_axis2_behind_below * 30 + 30] = 0.0f;
          #pragma omp simd
          for (int image_axis3_2_behind_below = 0;
              image_axis3_2_behind_below < 28; ++image_axis3_2_behind_below) {
            image[image_axis1 * 900 + image_axis2_behind_below * 30 +
                image_axis3_2_behind_below + 31] =
                x0[k0_outer * (12544 * ((batch + 7) / 8)) + k0_inner * 12544 +
                    image_axis1 * 784 + image_axis2_behind_below * 28 +
                    image_axis3_2_behind_below];
          }
          image[image_axis1 * 900 + image_axis2_behind_below * 30 + 59] = 0.0f;
        }
        #pragma omp simd
        for (int image_axis3 = 0; image_axis3 < 30; ++image_axis3) {
          image[image_axis1 * 900 + image_axis3 + 870] = 0.0f;
        }
      }
      for (int i1_outer = 0; i1_outer < 2; ++i1_outer) {
        gc_window_sums<gc_height(12), 7, 7, true, true, 3, 3>(4, 16, 32, 28,
            s0_parts + k0_outer * 9216 + i1_outer * 4608,
            matrix + i1_outer * 25088, 896, 32, image, 30, 1, 900, 30, 1);
      }
    }
  }
  #pragma omp parallel for schedule(static)
  for (int i1_outer = 0; i1_outer < 2; ++i1_outer) {
    // combine the parts of s0
    for (int s0_part = 0; s0_part < 8; ++s0_part) {
      for (int i0 = 0; i0 < 16; ++i0) {
        for (int i2 = 0; i2 < 3; ++i2) {
          for (int i3 = 0; i3 < 3; ++i3) {
            #pragma omp simd
            for (int i1_inner = 0; i1_inner < 32; ++i1_inner) {
              s0[i1_outer * 4608 + i0 * 288 + i2 * 96 + i3 * 32 + i1_inner] =
                  gc_add(
                      s0[i1_outer * 4608 + i0 * 288 + i2 * 96 + i3 * 32 +
                          i1_inner],
                      s0_parts[i1_outer * 4608 + s0_part * 9216 + i0 * 288 +
                          i2 * 96 + i3 * 32 + i1_inner]);
            }
          }
        }
      }
    }
    for (int i0 = 0; i0 < 16; ++i0) {
      for (int i2 = 0; i2 < 3; ++i2) {
        for (int i3 = 0; i3 < 3; ++i3) {
          for (int i1_inner = 0; i1_inner < 32; ++i1_inner) {
            y0[i1_outer * 288 + i0 * 576 + i2 * 3 + i3 + i1_inner * 9] =
                s0[i1_outer * 4608 + i0 * 288 + i2 * 96 + i3 * 32 + i1_inner];
          }
        }
      }
    }
  }
}
