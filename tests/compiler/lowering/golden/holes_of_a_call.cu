// k0_conv: gradient of convolution2d_1: conv
// batch x 4 x 3*height - 2 x 24 elements, elements; a thread walks the window
//   of its result, which is no product: thin of the loop 'k1' in conv: expected
//   tests that are settled in each turn of k1, and hold in every so many, found
//   (k1 + height + 1) % 2 == 0
// n0: the size height
// x0: c float32[batch, 16, height, 12]
// x1: W float32[4, 16, 3, 2]
// y0: gradient of convolution2d_1/conv float32[batch, 4, 3*height - 2, 24]
extern "C" __global__ void __launch_bounds__(256) k0_conv(
    int batch, int n0, const float* __restrict__ x0,
    const float* __restrict__ x1, float* y0) {
  const int i = blockIdx.x * 256 + threadIdx.x;
  if (i + 192 * batch < 288 * batch * n0) {
    float s0 = 0.0f;
    // conv
    for (int k = 0; k < 16; ++k) {
      for (int k_2 = 0; k_2 < 3; ++k_2) {
        for (int k_3 = 0; k_3 < 2; ++k_3) {
          if (i / 24 % (3 * n0 - 2) + k_2 + 1 >= n0 &&
              (i / 24 % (3 * n0 - 2) + k_2 + n0 + 1) % 2 == 0 &&
              (i / 24 % (3 * n0 - 2) + k_2 + n0 + 1) / 2 < 2 * n0 &&
              i % 24 + k_3 >= 1 && (i + k_3 + 1) % 2 == 0) {
            s0 =
                gc_add(s0,
                    gc_mul(
                        x0[i / (288 * n0 - 192) * (192 * n0) +
                            (i / 24 % (3 * n0 - 2) + k_2 + n0 + 1) / 2 * 12 +
                            (i % 24 + k_3 + 1) / 2 + k * (12 * n0) - 12 * n0 -
                            1],
                        x1[i / (72 * n0 - 48) % 4 * 96 + k * 6 + k_2 * 2 +
                            k_3]));  // gradient of convolution2d_1
          }
        }
      }
    }
    y0[i] = s0;
  }
}
