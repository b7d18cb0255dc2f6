void parts_of_samples(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    float* y0) {
  float* const s0 = gc_scratch<float>(0, 4800);
  for (int i1_outer = 0; i1_outer < 2; ++i1_outer) {
    for (int i0 = 0; i0 < 3; ++i0) {
      for (int i2 = 0; i2 < 5; ++i2) {
        for (int i3 = 0; i3 < 5; ++i3) {
          #pragma omp simd
          for (int i1_inner = 0; i1_inner < 32; ++i1_inner) {
            s0[i1_outer * 2400 + i0 * 800 + i2 * 160 + i3 * 32 + i1_inner] =
                0.0f;
          }
        }
      }
    }
  }
  float* const s0_parts = gc_scratch<float>(1, 38400);
  // conv
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)(172048 * batch + 38400) >= 65536)
  for (int k0_outer = 0; k0_outer < 8; ++k0_outer) {
    // start the parts of s0
    for (int i1_outer = 0; i1_outer < 2; ++i1_outer) {
      for (int i0 = 0; i0 < 3; ++i0) {
        for (int i2 = 0; i2 < 5; ++i2) {
          for (int i3 = 0; i3 < 5; ++i3) {
            #pragma omp simd
            for (int i1_inner = 0; i1_inner < 32; ++i1_inner) {
              s0_parts[k0_outer * 4800 + i1_outer * 2400 + i0 * 800 + i2 * 160 +
                  i3 * 32 + i1_inner] = 0.0f;
            }
          }
        }
      }
    }
    for (int k0_inner = 0;
        k0_inner < (k0_outer * batch + batch) / 8 - k0_outer * batch / 8;
        ++k0_inner) {
      float* const matrix = gc_scratch<float>(2, 50176);
      // copy what is read of x1 to matrix
      for (int matrix_axis1_outer = 0; matrix_axis1_outer < 2;
          ++matrix_axis1_outer) {
        gc_transpose(32, 784,
            x1 + k0_outer * batch / 8 * 50176 + k0_inner * 50176 +
            matrix_axis1_outer * 25088, 784,
            matrix + matrix_axis1_outer * 25088, 32);
      }
      float* const image = gc_scratch<float>(3, 3072);
      // copy what is read of x0 to image
      for (int image_axis1 = 0; image_axis1 < 3; ++image_axis1) {
        for (int image_axis2_below = 0; image_axis2_below < 2;
            ++image_axis2_below) {
          #pragma omp simd
          for (int image_axis3 = 0; image_axis3 < 32; ++image_axis3) {
            image[image_axis1 * 1024 + image_axis2_below * 32 + image_axis3] =
                0.0f;
          }
        }
        for (int image_axis2_behind_below = 0; image_axis2_behind_below < 28;
            ++image_axis2_behind_below) {
          #pragma omp simd
          for (int image_axis3_2_below = 0; image_axis3_2_below < 2;
              ++image_axis3_2_below) {
            image[image_axis1 * 1024 + image_axis2_behind_below * 32 +
                image_axis3_2_below + 64] = 0.0f;
          }
          #pragma omp simd
          for (int image_axis3_2_behind_below = 0;
              image_axis3_2_behind_below < 28; ++image_axis3_2_behind_below) {
            image[image_axis1 * 1024 + image_axis2_behind_below * 32 +
                image_axis3_2_behind_below + 66] =
                x0[k0_outer * batch / 8 * 2352 + k0_inner * 2352 +
                    image_axis1 * 784 + image_axis2_behind_below * 28 +
                    image_axis3_2_behind_below];
          }
          #pragma omp simd
          for (int image_axis3_2_behind_behind = 0;
              image_axis3_2_behind_behind < 2; ++image_axis3_2_behind_behind) {
            image[image_axis1 * 1024 + image_axis2_behind_below * 32 +
                image_axis3_2_behind_behind + 94] = 0.0f;
          }
        }
        for (int image_axis2_behind_behind = 0; image_axis2_behind_behind < 2;
            ++image_axis2_behind_behind) {
          #pragma omp simd
          for (int image_axis3 = 0; image_axis3 < 32; ++image_axis3) {
            image[image_axis1 * 1024 + image_axis2_behind_behind * 32 +
                image_axis3 + 960] = 0.0f;
          }
        }
      }
      for (int i1_outer = 0; i1_outer < 2; ++i1_outer) {
        gc_window_sums<gc_height(10), 7, 7, true, true, 5, 5>(4, 3, 32, 28,
            s0_parts + k0_outer * 4800 + i1_outer * 2400,
            matrix + i1_outer * 25088, 896, 32, image, 32, 1, 1024, 32, 1);
      }
    }
  }
  for (int i1_outer = 0; i1_outer < 2; ++i1_outer) {
    // combine the parts of s0
    for (int s0_part = 0; s0_part < 8; ++s0_part) {
      for (int i0 = 0; i0 < 3; ++i0) {
        for (int i2 = 0; i2 < 5; ++i2) {
          for (int i3 = 0; i3 < 5; ++i3) {
            #pragma omp simd
            for (int i1_inner = 0; i1_inner < 32; ++i1_inner) {
              s0[i1_outer * 2400 + i0 * 800 + i2 * 160 + i3 * 32 + i1_inner] =
                  gc_add(
                      s0[i1_outer * 2400 + i0 * 800 + i2 * 160 + i3 * 32 +
                          i1_inner],
                      s0_parts[i1_outer * 2400 + s0_part * 4800 + i0 * 800 +
                          i2 * 160 + i3 * 32 + i1_inner]);
            }
          }
        }
      }
    }
    for (int i0 = 0; i0 < 3; ++i0) {
      for (int i2 = 0; i2 < 5; ++i2) {
        for (int i3 = 0; i3 < 5; ++i3) {
          for (int i1_inner = 0; i1_inner < 32; ++i1_inner) {
            y0[i1_outer * 800 + i0 * 1600 + i2 * 5 + i3 + i1_inner * 25] =
                s0[i1_outer * 2400 + i0 * 800 + i2 * 160 + i3 * 32 + i1_inner];
          }
        }
      }
    }
  }
}
