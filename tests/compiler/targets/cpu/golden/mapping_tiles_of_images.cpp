void tiles_of_images(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    float* y0) {
  float* const weights_transformed = gc_scratch<float>(0, 16384);
  float* const weights_innermost = gc_scratch<float>(1, 9216);
  gc_transpose(32, 288, x1, 288, weights_innermost, 32);
  gc_winograd_weights(32, 32, weights_transformed, 1024, 32, weights_innermost,
      288, 32);
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)229354 * batch >= 65536)
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
    float* const s0 = gc_scratch<float>(3, 25088);
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
      gc_winograd_results(196, 196 - group * 48, 14, 32, results, 32, products,
          1552, 32);
    }
    gc_transpose(784, 32, results, 32, s0, 784);
    for (int i1 = 0; i1 < 32; ++i1) {
      for (int i2 = 0; i2 < 28; ++i2) {
        #pragma omp simd
        for (int i3 = 0; i3 < 28; ++i3) {
          y0[i0 * 25088 + i1 * 784 + i2 * 28 + i3] =
              s0[i1 * 784 + i2 * 28 + i3];
        }
      }
    }
  }
}
