void tiles_of_samples(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    float* y0) {
  float* const s0 = gc_scratch<float>(0, 9216);
  for (int i0 = 0; i0 < 32; ++i0) {
    for (int i2 = 0; i2 < 3; ++i2) {
      for (int i3 = 0; i3 < 3; ++i3) {
        #pragma omp simd
        for (int i1 = 0; i1 < 32; ++i1) {
          s0[i0 * 288 + i2 * 96 + i3 * 32 + i1] = 0.0f;
        }
      }
    }
  }
  float* const s0_parts = gc_scratch<float>(1, 73728);
  // conv
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)(204256 * batch + 131328) >= 65536)
  for (int k0_outer = 0; k0_outer < 8; ++k0_outer) {
    float* const transformed_sums = gc_scratch<float>(2, 16384);
    for (int transformed_sums_axis0 = 0; transformed_sums_axis0 < 16;
        ++transformed_sums_axis0) {
      for (int transformed_sums_axis1 = 0; transformed_sums_axis1 < 32;
          ++transformed_sums_axis1) {
        #pragma omp simd
        for (int transformed_sums_axis2 = 0; transformed_sums_axis2 < 32;
            ++transformed_sums_axis2) {
          transformed_sums[transformed_sums_axis0 * 1024 +
              transformed_sums_axis1 * 32 + transformed_sums_axis2] = 0.0f;
        }
      }
    }
    for (int k0_inner = 0;
        k0_inner < (k0_outer * batch + batch) / 8 - k0_outer * batch / 8;
        ++k0_inner) {
      float* const matrix = gc_scratch<float>(3, 25088);
      gc_transpose(32, 784,
          x1 + k0_outer * batch / 8 * 25088 + k0_inner * 25088, 784, matrix,
          32);  // copy what is read of x1 to matrix
      float* const image = gc_scratch<float>(4, 28800);
      // copy what is read of x0 to image
      for (int image_axis1 = 0; image_axis1 < 32; ++image_axis1) {
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
                x0[k0_outer * batch / 8 * 25088 + k0_inner * 25088 +
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
      float* const innermost = gc_scratch<float>(5, 28800);
      gc_transpose(32, 900, image, 900, innermost, 32);
      float* const tiles = gc_scratch<float>(6, 24832);
      float* const cotangents = gc_scratch<float>(7, 24832);
      // tiles that stay in the cache
      for (int group = 0; group < 5; ++group) {
        gc_winograd_image(196, 196 - group * 48, 14, 30, 32, tiles, 1552, 32,
            innermost, 32);
        gc_winograd_cotangents(196, 196 - group * 48, 14, 28, 28, 32,
            cotangents, 1552, 32, matrix, 896, 32);
        // places of tiles
        for (int place = 0; place < 16; ++place) {
          gc_winograd_product<gc_height(8), true>(32, 32, 196 - group * 48,
              transformed_sums + place * 1024, 32, tiles + place * 1552, 1, 32,
              cotangents + place * 1552, 32);
        }
      }
    }
    gc_winograd_gradient(32, 32, s0_parts + k0_outer * 9216, 288, 96, 32,
        transformed_sums, 1024, 32);
  }
  #pragma omp parallel for schedule(static)
  for (int i0 = 0; i0 < 32; ++i0) {
    // combine the parts of s0
    for (int s0_part = 0; s0_part < 8; ++s0_part) {
      for (int i2 = 0; i2 < 3; ++i2) {
        for (int i3 = 0; i3 < 3; ++i3) {
          #pragma omp simd
          for (int i1 = 0; i1 < 32; ++i1) {
            s0[i0 * 288 + i2 * 96 + i3 * 32 + i1] =
                gc_add(s0[i0 * 288 + i2 * 96 + i3 * 32 + i1],
                    s0_parts[i0 * 288 + s0_part * 9216 + i2 * 96 + i3 * 32 +
                        i1]);
          }
        }
      }
    }
    for (int i2 = 0; i2 < 3; ++i2) {
      for (int i3 = 0; i3 < 3; ++i3) {
        for (int i1 = 0; i1 < 32; ++i1) {
          y0[i0 * 288 + i2 * 3 + i3 + i1 * 9] =
              s0[i0 * 288 + i2 * 96 + i3 * 32 + i1];
        }
      }
    }
  }
}
