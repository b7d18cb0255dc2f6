// k0_conv: convolution2d_2: conv, add, maximum
// batch samples; 32 x 32 windows of 3 x 3 by tiles of 2 x 2 results, 12 x 12 of
//   them
// x0: image float32[batch, 32, 26, 26]
// x1: convolution2d_2/b float32[32]
// y0: convolution2d_2/maximum float32[batch, 32, 24, 24]
// x2: W float32[32, 32, 3, 3]
static void k0_conv(
    const float* __restrict__ x0, int batch, const float* __restrict__ x1,
    float* y0, const float* __restrict__ x2) {
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
  }
}
