// k0_conv: convolution2d_2, dropout_1, maxpooling2d_1: conv, add, maximum,
//   random, floordiv, mul, less, max_pool, div, where
// batch x 32 x 24 x 24 elements, pooled tiles of images
// w0: a seed or a stream of random words
// w1: a seed or a stream of random words
// x0: image float32[batch, 32, 26, 26]
// x1: W float32[32, 32, 3, 3]
// x2: convolution2d_2/b float32[32]
// y0: convolution2d_2/maximum float32[batch, 32, 24, 24]
// y1: dropout_1/where float32[batch, 32, 12, 12]
void k0_conv(
    int batch, gc_uint64 call_step, unsigned int w0, unsigned int w1,
    const float* __restrict__ x0, const float* __restrict__ x1,
    const float* __restrict__ x2, float* y0, float* y1) {
  float* const weights_transformed = gc_scratch<float>(0, 16384);
  float* const weights_innermost = gc_scratch<float>(1, 9216);
  gc_transpose(32, 288, x1, 288, weights_innermost, 32);
  gc_winograd_weights(32, 32, weights_transformed, 1024, 32, weights_innermost,
      288, 32);
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)177314 * batch >= 65536)
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
    float* const s1_2 = gc_scratch<float>(3, 18432);
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
      gc_winograd_results_separate(144, 144 - group * 48, 32, results, 32,
          products, 1552, 32);
    }
    // results of tiles
    for (int result = 0; result < 4; ++result) {
      gc_transpose(144, 32, results + result * 4608, 32, s1_2 + result * 4608,
          144);
    }
    for (int i1 = 0; i1 < 32; ++i1) {
      unsigned int t0_2_words[144];
      gc_draw_words<1024>(144, t0_2_words,
          gc_cast<gc_int64>(i0 * 4608 + i1 * 144), 0, call_step, w0, w1);
      for (int i2 = 0; i2 < 12; ++i2) {
        float s0[12];
        // the elements of these windows
        for (int k0 = 0; k0 < 2; ++k0) {
          #pragma omp simd
          for (int i3_3_k1 = 0; i3_3_k1 < 24; ++i3_3_k1) {
            const float t0 =
                gc_add(
                    s1_2[i1 * 144 + i2 * 12 + k0 * 9216 + i3_3_k1 / 2 +
                        i3_3_k1 % 2 * 4608], x2[i1]);  // convolution2d_2
            const float t1 = gc_maximum(t0, 0.0f);  // convolution2d_2
            y0[i0 * 18432 + i1 * 576 + i2 * 48 + k0 * 24 + i3_3_k1] = t1;
          }
        }
        #pragma omp simd
        for (int i3 = 0; i3 < 12; ++i3) {
          s0[i3] = -gc_infinity<float>();
          // max_pool
          #pragma GCC unroll 4
          for (int k0_k1 = 0; k0_k1 < 4; ++k0_k1) {
            // convolution2d_2
            const float t2 =
                gc_add(s1_2[i1 * 144 + i2 * 12 + i3 + k0_k1 * 4608], x2[i1]);
            const float t3 = gc_maximum(t2, 0.0f);  // convolution2d_2
            s0[i3] = gc_larger_in_lanes(s0[i3], t3);  // maxpooling2d_1
          }
        }
        #pragma omp simd
        for (int i3 = 0; i3 < 12; ++i3) {
          const unsigned int t4 = t0_2_words[i2 * 12 + i3];  // dropout_1
          const unsigned int t5 = gc_floordiv(t4, 256u);  // dropout_1
          const float t6 = gc_cast<float>(t5);  // dropout_1
          const float t7 = gc_mul(t6, 5.9604645e-08f);  // dropout_1
          const bool t8 = gc_less(t7, 0.75f);  // dropout_1
          const float t9 = gc_div(s0[i3], 0.75f);  // dropout_1
          const float t10 = gc_where(t8, t9, 0.0f);  // dropout_1
          y1[i0 * 4608 + i1 * 144 + i2 * 12 + i3] = t10;
        }
      }
    }
  }
}
