// k0_window: maxpooling2d_1: argmax_pool, gather_pool
// batch x 32 x 12 x 12 elements, one a thread
// x0: x float32[batch, 32, 24, 24]
// y0: maxpooling2d_1/argmax_pool int32[batch, 32, 12, 12]
// y1: maxpooling2d_1/gather_pool float32[batch, 32, 12, 12]
extern "C" __global__ void __launch_bounds__(256) k0_window(
    const float* __restrict__ x0, int batch, int* y0, float* y1) {
  const int count = 4608 * batch;
  const int stride = gridDim.x * blockDim.x;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += stride) {
    const int i0 = i / 4608;
    const int i1 = (i / 144) % 32;
    const int i2 = (i / 12) % 12;
    const int i3 = i % 12;
    int t5 = -1;  // maxpooling2d_1
    float a4 = 0;
    const int i6 = i2 * 2;
    #pragma unroll
    for (int r7 = 0; r7 < 2; ++r7) {
      const int i8 = i6 + r7;
      const int i9 = i3 * 2;
      #pragma unroll
      for (int r10 = 0; r10 < 2; ++r10) {
        const int i11 = i9 + r10;
        const int i12 = ((i0 * 32 + i1) * 24 + i8) * 24 + i11;
        const float t13 = x0[i12];
        const bool t14 = gc_is_ahead(t13, a4, t5);
        a4 = t14 ? t13 : a4;
        t5 = t14 ? r7 * 2 + r10 : t5;
      }
    }
    y0[i] = t5;
    y1[i] = a4;
  }
}
