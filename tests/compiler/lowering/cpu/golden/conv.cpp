// k0_conv: convolution2d_2: conv, add, maximum
// batch x 32 x 24 x 24 elements, tiles of images
// x0: image float32[batch, 32, 26, 26]
// x1: W float32[32, 32, 3, 3]
// x2: convolution2d_2/b float32[32]
// y0: convolution2d_2/maximum float32[batch, 32, 24, 24]
void k0_conv(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    const float* __restrict__ x2, float* y0) {
  float* const weights_transformed = gc_scratch<float>(0, 16384);
  float* const weights_innermost = gc_scratch<float>(1, 9216);
  gc_transpose(32, 288, x1, 288, weights_innermost, 32);
  gc_winograd_weights(32, 32, weights_transformed, 1024, 32, weights_innermost,
      288, 32);
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)182164 * batch >= 65536)
  for (int i0_i2_outer = 0; i0_i2_outer < 2 * batch; ++i0_i2_outer) {
    float* const image = gc_scratch<float>(2, 11658);
    // what is read behind image
    #pragma omp simd
    for (int image_behind = 0; image_behind < 10; ++image_behind) {
      image[image_behind + 11648] = 0.0f;
    }
    // copy what is read of x0 to image
    for (int image_axis1 = 0; image_axis1 < 32; ++image_axis1) {
      #pragma omp simd
      for (int image_axis2_image_axis3 = 0; image_axis2_image_axis3 < 364;
          ++image_axis2_image_axis3) {
        image[image_axis1 * 364 + image_axis2_image_axis3] =
            x0[i0_i2_outer / 2 * 21632 + i0_i2_outer % 2 * 312 +
                image_axis1 * 676 + image_axis2_image_axis3];
      }
    }
    float* const s0 = gc_scratch<float>(3, 9216);
    float* const innermost = gc_scratch<float>(4, 11648);
    gc_transpose(32, 364, image, 364, innermost, 32);
    float* const tiles = gc_scratch<float>(5, 24832);
    float* const products = gc_scratch<float>(6, 24832);
    float* const results = gc_scratch<float>(7, 9216);
    // tiles that stay in the cache
    for (int group = 0; group < 2; ++group) {
      gc_winograd_image(72, 72 - group * 48, 12, 26, 32, tiles, 1552, 32,
          innermost, 32);
      // places of tiles
      for (int place = 0; place < 16; ++place) {
        gc_winograd_product<gc_height(8), false>(72 - group * 48, 32, 32,
            products + place * 1552, 32, tiles + place * 1552, 32, 1,
            weights_transformed + place * 1024, 32);
      }
      gc_winograd_results(72, 72 - group * 48, 12, 32, results, 32, products,
          1552, 32);
    }
    gc_transpose(288, 32, results, 32, s0, 288);
    for (int i1 = 0; i1 < 32; ++i1) {
      for (int i2_inner = 0; i2_inner < 12; ++i2_inner) {
        #pragma omp simd
        for (int i3 = 0; i3 < 24; ++i3) {
          // convolution2d_2
          const float t0 = gc_add(s0[i1 * 288 + i2_inner * 24 + i3], x2[i1]);
          const float t1 = gc_maximum(t0, 0.0f);  // convolution2d_2
          y0[i0_i2_outer / 2 * 18432 + i0_i2_outer % 2 * 288 + i1 * 576 +
              i2_inner * 24 + i3] = t1;
        }
      }
    }
  }
}
