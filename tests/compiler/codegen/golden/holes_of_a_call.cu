// k0_conv: gradient of convolution2d_1: conv
// batch x 4 x 3*height - 2 x 24 elements, one a thread; a thread walks the
//   window of its result, which is no product: where windows meet holes is
//   known at the call only
// n0: the size height
// x0: c float32[batch, 16, height, 12]
// x1: W float32[4, 16, 3, 2]
// y0: gradient of convolution2d_1/conv float32[batch, 4, 3*height - 2, 24]
extern "C" __global__ void __launch_bounds__(256) k0_conv(
    int n0, const float* __restrict__ x0, int batch,
    const float* __restrict__ x1, float* y0) {
  const int count = (288 * batch) * n0 - 192 * batch;
  const int stride = gridDim.x * blockDim.x;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += stride) {
    const int i0 = i / (288 * n0 - 192);
    const int i1 = (i / (72 * n0 - 48)) % 4;
    const int i2 = (i / 24) % (3 * n0 - 2);
    const int i3 = i % 24;
    float t4 = 0;  // gradient of convolution2d_1
    for (int r5 = 0; r5 < 96; ++r5) {
      const int i6 = r5 / 6;
      const int i7 = (r5 / 2) % 3;
      const int i8 = r5 % 2;
      const int i9 = i2 + i7 - (n0 - 1);
      const int i10 = i9 / 2;
      const int i11 = i3 + i8 - 1;
      const int i12 = i11 / 2;
      if (i9 >= 0 && i9 % 2 == 0 && i10 < n0 && i11 >= 0 && i11 % 2 == 0 &&
          i12 < 12) {
        const int i13 = ((i0 * 16 + i6) * n0 + i10) * 12 + i12;
        const float t14 = x0[i13];
        const int i15 = i1 * 96 + r5;
        const float t16 = x1[i15];
        t4 = gc_add(t4, gc_mul(t14, t16));
      }
    }
    y0[i] = t4;
  }
}
