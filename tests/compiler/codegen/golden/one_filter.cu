// k0_conv: convolution2d_1: conv
// batch x 1 x 20 x 11 elements, one a thread; a thread walks the window of its
//   result, which is no product: there is one filter
// x0: image float32[batch, 3, 20, 22]
// x1: W float32[1, 3, 2, 4]
// y0: convolution2d_1/conv float32[batch, 1, 20, 11]
extern "C" __global__ void __launch_bounds__(256) k0_conv(
    const float* __restrict__ x0, int batch, const float* __restrict__ x1,
    float* y0) {
  const int count = 220 * batch;
  const int stride = gridDim.x * blockDim.x;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += stride) {
    const int i0 = i / 220;
    const int i1 = (i / 11) % 20;
    const int i2 = i % 11;
    float t3 = 0;  // convolution2d_1
    for (int r4 = 0; r4 < 24; ++r4) {
      const int i5 = r4 / 8;
      const int i6 = (r4 / 4) % 2;
      const int i7 = r4 % 4;
      const int i8 = i1 + i6 - 1;
      const int i9 = i2 * 2 + i7;
      if (i8 >= 0 && i8 < 20 && i9 < 22) {
        const int i10 = ((i0 * 3 + i5) * 20 + i8) * 22 + i9;
        const float t11 = x0[i10];
        const float t12 = x1[r4];
        t3 = gc_add(t3, gc_mul(t11, t12));
      }
    }
    y0[i] = t3;
  }
}
