// k0_conv: convolution2d_2, dropout_1, maxpooling2d_1: conv, add, maximum,
//   random, floordiv, mul, less, max_pool, div, where
// batch samples; 32 x 32 windows of 3 x 3 by tiles of 2 x 2 results, 12 x 12 of
//   them
// x0: image float32[batch, 32, 26, 26]
// x1: convolution2d_2/b float32[32]
// y0: convolution2d_2/maximum float32[batch, 32, 24, 24]
// w0: a seed of random words
// w1: a stream of random words
// y1: dropout_1/where float32[batch, 32, 12, 12]
// x2: W float32[32, 32, 3, 3]
static void k0_conv(
    const float* __restrict__ x0, int batch, const float* __restrict__ x1,
    float* y0, unsigned int w0, unsigned int w1, gc_uint64 call_step, float* y1,
    const float* __restrict__ x2) {
  float* weights = gc_scratch<float>(GC_WEIGHTS, (size_t)(9216));
  {
    #pragma omp simd
    for (int p0 = 0; p0 < 9216; ++p0) {
      const float t1 = x2[p0];
      weights[p0] = t1;
    }
  }
  float* turned = gc_scratch<float>(GC_WEIGHT_PANELS, (size_t)(16384));
  gc_winograd_weights(32, 32, 32, weights, turned);
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)batch * 32 * 24 * 24 * 288 >= 524288)
  for (int sample = 0; sample < batch; ++sample) {
    float* image = gc_scratch<float>(GC_IMAGE, (size_t)(21632));
    {
      for (int p0 = 0; p0 < 32; ++p0) {
        for (int p1 = 0; p1 < 26; ++p1) {
          #pragma omp simd
          for (int p2 = 0; p2 < 26; ++p2) {
            const int i6 = ((sample * 32 + p0) * 26 + p1) * 26 + p2;
            const float t7 = x0[i6];
            image[(p0 * 26 + p1) * 26 + p2] = t7;
          }
        }
      }
    }
    float* s0 = gc_scratch<float>(GC_SUMS, (size_t)(18432));
    gc_winograd_conv<gc_height(8)>(32, 32, 32, 32, 12, 12, false, image, turned,
        s0);
    {
      for (int p0 = sample; p0 < sample + 1; ++p0) {
        for (int p1 = 0; p1 < 32; ++p1) {
          const float t12 = x1[p1];
          for (int p2 = 0; p2 < 24; ++p2) {
            #pragma omp simd
            for (int p3 = 0; p3 < 24; ++p3) {
              const int i4 = ((p0 * 32 + p1) * 24 + p2) * 24 + p3;
              // convolution2d_2
              const float t13 = gc_add(s0[p1 * 576 + p2 * 24 + p3], t12);
              const float t14 = gc_maximum(t13, 0.0f);  // convolution2d_2
              y0[i4] = t14;
            }
          }
        }
      }
    }
    {
      for (int p0 = sample; p0 < sample + 1; ++p0) {
        for (int p1 = 0; p1 < 32; ++p1) {
          unsigned int of_words12[GC_ROOM];
          const unsigned int* words12 =
              gc_random_row(of_words12, ((p0 * 32 + p1) * 12) * 12, 144, 0,
                  call_step, w0, w1);
          for (int p2 = 0; p2 < 12; ++p2) {
            const int i19 = p2 * 2;
            #pragma omp simd
            for (int p3 = 0; p3 < 12; ++p3) {
              const int drawn = p2 * 12 + p3;
              const int i4 = ((p0 * 32 + p1) * 12 + p2) * 12 + p3;
              const unsigned int t13 = words12[drawn];  // dropout_1
              const unsigned int t14 = gc_floordiv(t13, 256u);  // dropout_1
              const float t15 = gc_cast<float>(t14);  // dropout_1
              const float t16 = gc_mul(t15, 5.9604645e-08f);  // dropout_1
              const bool t17 = gc_less(t16, 0.75f);  // dropout_1
              float t18 = gc_reduce_max::identity<float>();  // maxpooling2d_1
              for (int r20 = 0; r20 < 2; ++r20) {
                const int i21 = i19 + r20;
                const int i22 = p3 * 2;
                for (int r23 = 0; r23 < 2; ++r23) {
                  const int i24 = i22 + r23;
                  const float t25 = x1[p1];
                  // convolution2d_2
                  const float t26 = gc_add(s0[p1 * 576 + i21 * 24 + i24], t25);
                  const float t27 = gc_maximum(t26, 0.0f);  // convolution2d_2
                  t18 = gc_maximum(t18, t27);
                }
              }
              const float t28 = gc_div(t18, 0.75f);  // dropout_1
              const float t29 = gc_where(t17, t28, 0.0f);  // dropout_1
              y1[i4] = t29;
            }
          }
        }
      }
    }
  }
}
