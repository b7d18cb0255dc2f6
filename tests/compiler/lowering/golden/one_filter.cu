// k0_conv: convolution2d_1: conv
// batch x 1 x 20 x 11 elements, elements; a thread walks the window of its
//   result, which is no product: it has one filter
// x0: image float32[batch, 3, 20, 22]
// x1: W float32[1, 3, 2, 4]
// y0: convolution2d_1/conv float32[batch, 1, 20, 11]
extern "C" __global__ void __launch_bounds__(256) k0_conv(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    float* y0) {
  const int i = blockIdx.x * 256 + threadIdx.x;
  if (i < 220 * batch) {
    float s0 = 0.0f;
    // conv
    #pragma unroll
    for (int k = 0; k < 3; ++k) {
      #pragma unroll
      for (int k_2 = 0; k_2 < 2; ++k_2) {
        #pragma unroll
        for (int k_3 = 0; k_3 < 4; ++k_3) {
          if (i / 11 % 20 + k_2 >= 1 && i % 11 * 2 + k_3 < 22) {
            // convolution2d_1
            s0 =
                gc_add(s0,
                    gc_mul(
                        x0[i / 220 * 1320 + i % 220 * 2 + k * 440 + k_2 * 22 +
                            k_3 - 22], x1[k * 8 + k_2 * 4 + k_3]));
          }
        }
      }
    }
    y0[i] = s0;
  }
}
