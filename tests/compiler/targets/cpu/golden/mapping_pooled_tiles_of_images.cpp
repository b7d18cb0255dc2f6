void pooled_tiles_of_images(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    const float* __restrict__ x2, float* y0) {
  float* const weights_transformed = gc_scratch<float>(0, 16384);
  float* const weights_innermost = gc_scratch<float>(1, 9216);
  gc_transpose(32, 288, x1, 288, weights_innermost, 32);
  gc_winograd_weights(32, 32, weights_transformed, 1024, 32, weights_innermost,
      288, 32);
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)230890 * batch >= 65536)
  for (int i0 = 0; i0 < batch; ++i0) {
    float* const image = gc_scratch<float>(2, 28810);
    // what is read behind image
    #pragma omp simd
    for (int image_behind = 0; image_behind < 10; ++image_behind) {
      image[image_behind + 28800] = 0.0f;
    }
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
              x0[i0 * 25088 + image_axis1 * 784 +
                  image_axis2_behind_below * 28 + image_axis3_2_behind_below];
        }
        image[image_axis1 * 900 + image_axis2_behind_below * 30 + 59] = 0.0f;
      }
      #pragma omp simd
      for (int image_axis3 = 0; image_axis3 < 30; ++image_axis3) {
        image[image_axis1 * 900 + image_axis3 + 870] = 0.0f;
      }
    }
    float* const s1_2 = gc_scratch<float>(3, 25088);
    float* const innermost = gc_scratch<float>(4, 28800);
    gc_transpose(32, 900, image, 900, innermost, 32);
    float* const tiles = gc_scratch<float>(5, 24832);
    float* const products = gc_scratch<float>(6, 24832);
    float* const results = gc_scratch<float>(7, 25088);
    // tiles that stay in the cache
    for (int group = 0; group < 5; ++group) {
      gc_winograd_image(196, 196 - group * 48, 14, 30, 32, tiles, 1552, 32,
          innermost, 32);
      // places of tiles
      for (int place = 0; place < 16; ++place) {
        gc_winograd_product<gc_height(8), false>(196 - group * 48, 32, 32,
            products + place * 1552, 32, tiles + place * 1552, 32, 1,
            weights_transformed + place * 1024, 32);
      }
      gc_winograd_results_separate(196, 196 - group * 48, 32, results, 32,
          products, 1552, 32);
    }
    // results of tiles
    for (int result = 0; result < 4; ++result) {
      gc_transpose(196, 32, results + result * 6272, 32, s1_2 + result * 6272,
          196);
    }
    for (int i1 = 0; i1 < 32; ++i1) {
      #pragma omp simd
      for (int i2_i3_inner = 0; i2_i3_inner < 192; ++i2_i3_inner) {
        float s0 = -gc_infinity<float>();
        // max_pool
        #pragma GCC unroll 4
        for (int k0_k1 = 0; k0_k1 < 4; ++k0_k1) {
          const float t0 =
              gc_add(s1_2[i1 * 196 + i2_i3_inner + k0_k1 * 6272], x2[i1]);
          const float t1 = gc_maximum(t0, 0.0f);
          s0 = gc_larger_in_lanes(s0, t1);
        }
        y0[i0 * 6272 + i1 * 196 + i2_i3_inner] = s0;
      }
      #pragma omp simd
      for (int i2_i3_rest = 0; i2_i3_rest < 16; ++i2_i3_rest) {
        float s0_2 = -gc_infinity<float>();
        // max_pool
        #pragma GCC unroll 4
        for (int k0_2_k1 = 0; k0_2_k1 < 4; ++k0_2_k1) {
          const float t0_2 =
              gc_add(s1_2[i1 * 196 + i2_i3_rest + k0_2_k1 * 6272 + 180],
                  x2[i1]);
          const float t1_2 = gc_maximum(t0_2, 0.0f);
          s0_2 = gc_larger_in_lanes(s0_2, t1_2);
        }
        y0[i0 * 6272 + i1 * 196 + i2_i3_rest + 180] = s0_2;
      }
    }
  }
}
