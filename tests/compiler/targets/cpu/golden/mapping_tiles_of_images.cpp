void tiles_of_images(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    float* y0) {
  float* const weights_transformed = gc_scratch<float>(0, 16384);
  float* const weights_innermost = gc_scratch<float>(1, 9216);
  gc_transpose(32, 288, x1, 288, weights_innermost, 32);
  gc_winograd_weights(32, 32, weights_transformed, 1024, 32, weights_innermost,
      288, 32);
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)286300 * batch >= 65536)
  for (int i0_i2_outer = 0; i0_i2_outer < 2 * batch; ++i0_i2_outer) {
    float* const image = gc_scratch<float>(2, 15374);
    // what is read behind image
    #pragma omp simd
    for (int image_behind = 0; image_behind < 14; ++image_behind) {
      image[image_behind + 15360] = 0.0f;
    }
    // copy what is read of x0 to image
    for (int image_axis1 = 0; image_axis1 < 32; ++image_axis1) {
      for (int image_axis2 = 0; image_axis2 < 16; ++image_axis2) {
        image[image_axis1 * 480 + image_axis2 * 30] = 0.0f;
        if (i0_i2_outer % 2 * 14 + image_axis2 >= 1 &&
            i0_i2_outer % 2 * 14 + image_axis2 < 29) {
          #pragma omp simd
          for (int image_axis3_behind_below = 0; image_axis3_behind_below < 28;
              ++image_axis3_behind_below) {
            image[image_axis1 * 480 + image_axis2 * 30 +
                image_axis3_behind_below + 1] =
                x0[i0_i2_outer / 2 * 25088 + i0_i2_outer % 2 * 392 +
                    image_axis1 * 784 + image_axis2 * 28 +
                    image_axis3_behind_below - 28];
          }
        } else {
          #pragma omp simd
          for (int image_axis3_behind_below = 0; image_axis3_behind_below < 28;
              ++image_axis3_behind_below) {
            image[image_axis1 * 480 + image_axis2 * 30 +
                image_axis3_behind_below + 1] = 0.0f;
          }
        }
        image[image_axis1 * 480 + image_axis2 * 30 + 29] = 0.0f;
      }
    }
    float* const s0 = gc_scratch<float>(3, 12544);
    float* const innermost = gc_scratch<float>(4, 15360);
    gc_transpose(32, 480, image, 480, innermost, 32);
    float* const tiles = gc_scratch<float>(5, 24832);
    float* const products = gc_scratch<float>(6, 24832);
    float* const results = gc_scratch<float>(7, 12544);
    // tiles that stay in the cache
    for (int group = 0; group < 3; ++group) {
      gc_winograd_image(98, 98 - group * 48, 14, 30, 32, tiles, 1552, 32,
          innermost, 32);
      // places of tiles
      for (int place = 0; place < 16; ++place) {
        gc_winograd_product<gc_height(8), false>(98 - group * 48, 32, 32,
            products + place * 1552, 32, tiles + place * 1552, 32, 1,
            weights_transformed + place * 1024, 32);
      }
      gc_winograd_results(98, 98 - group * 48, 14, 32, results, 32, products,
          1552, 32);
    }
    gc_transpose(392, 32, results, 32, s0, 392);
    for (int i1 = 0; i1 < 32; ++i1) {
      for (int i2_inner = 0; i2_inner < 14; ++i2_inner) {
        #pragma omp simd
        for (int i3 = 0; i3 < 28; ++i3) {
          y0[i0_i2_outer / 2 * 25088 + i0_i2_outer % 2 * 392 + i1 * 784 +
              i2_inner * 28 + i3] = s0[i1 * 392 + i2_inner * 28 + i3];
        }
      }
    }
  }
}
