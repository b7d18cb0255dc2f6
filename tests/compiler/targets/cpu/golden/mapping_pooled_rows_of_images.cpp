void pooled_rows_of_images(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    float* y0, float* y1) {
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)69380 * batch >= 65536)
  for (int i0 = 0; i0 < batch; ++i0) {
    float* const image = gc_scratch<float>(0, 3076);
    // what is read behind image
    #pragma omp simd
    for (int image_behind = 0; image_behind < 4; ++image_behind) {
      image[image_behind + 3072] = 0.0f;
    }
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
              x0[i0 * 2352 + image_axis1 * 784 + image_axis2_behind_below * 28 +
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
    float* const s1_2 = gc_scratch<float>(1, 14336);
    gc_windows_product<gc_height(8), 3, 5, 5>(16, 896, s1_2, 896, x1, 75, image,
        1024, 32, 1);
    for (int i1 = 0; i1 < 16; ++i1) {
      for (int i2 = 0; i2 < 14; ++i2) {
        float s0[14];
        // the elements of these windows
        for (int k0 = 0; k0 < 2; ++k0) {
          #pragma omp simd
          for (int i3_3_k1_2_inner = 0; i3_3_k1_2_inner < 16;
              ++i3_3_k1_2_inner) {
            const float t0_2 =
                gc_maximum(s1_2[i1 * 896 + i2 * 64 + k0 * 32 + i3_3_k1_2_inner],
                    0.0f);
            y0[i0 * 12544 + i1 * 784 + i2 * 56 + k0 * 28 + i3_3_k1_2_inner] =
                t0_2;
          }
          #pragma omp simd
          for (int i3_3_k1_2_rest = 0; i3_3_k1_2_rest < 16; ++i3_3_k1_2_rest) {
            const float t0_4 =
                gc_maximum(
                    s1_2[i1 * 896 + i2 * 64 + k0 * 32 + i3_3_k1_2_rest + 12],
                    0.0f);
            y0[i0 * 12544 + i1 * 784 + i2 * 56 + k0 * 28 + i3_3_k1_2_rest +
                12] = t0_4;
          }
        }
        #pragma omp simd
        for (int i3_inner = 0; i3_inner < 8; ++i3_inner) {
          s0[i3_inner] = -gc_infinity<float>();
          // max_pool
          #pragma GCC unroll 2
          for (int k0 = 0; k0 < 2; ++k0) {
            #pragma GCC unroll 2
            for (int k1 = 0; k1 < 2; ++k1) {
              const float t0 =
                  gc_maximum(
                      s1_2[i1 * 896 + i2 * 64 + i3_inner * 2 + k0 * 32 + k1],
                      0.0f);
              s0[i3_inner] = gc_larger_in_lanes(s0[i3_inner], t0);
            }
          }
        }
        #pragma omp simd
        for (int i3_rest = 0; i3_rest < 8; ++i3_rest) {
          s0[i3_rest + 6] = -gc_infinity<float>();
          // max_pool
          #pragma GCC unroll 2
          for (int k0 = 0; k0 < 2; ++k0) {
            #pragma GCC unroll 2
            for (int k1 = 0; k1 < 2; ++k1) {
              const float t0_3 =
                  gc_maximum(
                      s1_2[i1 * 896 + i2 * 64 + i3_rest * 2 + k0 * 32 + k1 +
                          12], 0.0f);
              s0[i3_rest + 6] = gc_larger_in_lanes(s0[i3_rest + 6], t0_3);
            }
          }
        }
        #pragma omp simd
        for (int i3_2_inner = 0; i3_2_inner < 8; ++i3_2_inner) {
          y1[i0 * 3136 + i1 * 196 + i2 * 14 + i3_2_inner] = s0[i3_2_inner];
        }
        #pragma omp simd
        for (int i3_2_rest = 0; i3_2_rest < 8; ++i3_2_rest) {
          y1[i0 * 3136 + i1 * 196 + i2 * 14 + i3_2_rest + 6] =
              s0[i3_2_rest + 6];
        }
      }
    }
  }
}
