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
      if ((gc_int64)154146 * batch >= 65536)
  for (int i0 = 0; i0 < batch; ++i0) {
    float* const image = gc_scratch<float>(2, 21634);
    // what is read behind image
    #pragma omp simd
    for (int image_behind = 0; image_behind < 2; ++image_behind) {
      image[image_behind + 21632] = 0.0f;
    }
    // copy what is read of x0 to image
    for (int image_axis1 = 0; image_axis1 < 32; ++image_axis1) {
      #pragma omp simd
      for (int image_axis2_image_axis3 = 0; image_axis2_image_axis3 < 676;
          ++image_axis2_image_axis3) {
        image[image_axis1 * 676 + image_axis2_image_axis3] =
            x0[i0 * 21632 + image_axis1 * 676 + image_axis2_image_axis3];
      }
    }
    float* const s0 = gc_scratch<float>(3, 18432);
    float* const innermost = gc_scratch<float>(4, 21632);
    gc_transpose(32, 676, image, 676, innermost, 32);
    float* const tiles = gc_scratch<float>(5, 24832);
    float* const products = gc_scratch<float>(6, 24832);
    float* const results = gc_scratch<float>(7, 18432);
    // tiles that stay in the cache
    for (int group = 0; group < 3; ++group) {
      gc_winograd_image(144, 144 - group * 48, 12, 26, 32, tiles, 1552, 32,
          innermost, 32);
      // places of tiles
      for (int place = 0; place < 16; ++place) {
        gc_winograd_product<gc_height(8), false>(144 - group * 48, 32, 32,
            products + place * 1552, 32, tiles + place * 1552, 32, 1,
            weights_transformed + place * 1024, 32);
      }
      gc_winograd_results(144, 144 - group * 48, 12, 32, results, 32, products,
          1552, 32);
    }
    gc_transpose(576, 32, results, 32, s0, 576);
    for (int i1 = 0; i1 < 32; ++i1) {
      for (int i2 = 0; i2 < 24; ++i2) {
        #pragma omp simd
        for (int i3 = 0; i3 < 24; ++i3) {
          // convolution2d_2
          const float t0 = gc_add(s0[i1 * 576 + i2 * 24 + i3], x2[i1]);
          const float t1 = gc_maximum(t0, 0.0f);  // convolution2d_2
          y0[i0 * 18432 + i1 * 576 + i2 * 24 + i3] = t1;
        }
      }
    }
  }
}
