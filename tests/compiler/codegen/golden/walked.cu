// k0_window: activation_1, maxpooling2d_1: maximum, max_pool
// batch x 32 x 12 x 12 elements, one a thread
// x0: x float32[batch, 32, 24, 24]
// y0: activation_1/maximum float32[batch, 32, 24, 24]
// y1: maxpooling2d_1/max_pool float32[batch, 32, 12, 12]
extern "C" __global__ void __launch_bounds__(256) k0_window(
    const float* __restrict__ x0, int batch, float* y0, float* y1) {
  const int count = 4608 * batch;
  const int stride = gridDim.x * blockDim.x;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += stride) {
    const int i0 = i / 4608;
    const int i1 = (i / 144) % 32;
    const int i2 = (i / 12) % 12;
    const int i3 = i % 12;
    float t4 = gc_reduce_max::identity<float>();  // maxpooling2d_1
    const int i5 = i2 * 2;
    #pragma unroll
    for (int r6 = 0; r6 < 2; ++r6) {
      const int i7 = i5 + r6;
      const int i8 = i3 * 2;
      #pragma unroll
      for (int r9 = 0; r9 < 2; ++r9) {
        const int i10 = i8 + r9;
        const int i11 = ((i0 * 32 + i1) * 24 + i7) * 24 + i10;
        const float t12 = x0[i11];
        const float t13 = gc_maximum(t12, 0.0f);  // activation_1
        t4 = gc_maximum(t4, t13);
        y0[i11] = t13;
      }
    }
    y1[i] = t4;
  }
}
