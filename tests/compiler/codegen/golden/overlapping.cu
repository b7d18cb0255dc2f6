// k0_window: gradient of averagepooling2d_1: sum_unpool, mul
// batch x 32 x 23 x 23 elements, one a thread
// x0: c float32[batch, 32, 11, 12]
// y0: gradient of averagepooling2d_1/mul float32[batch, 32, 23, 23]
extern "C" __global__ void __launch_bounds__(256) k0_window(
    const float* __restrict__ x0, int batch, float* y0) {
  const int count = 16928 * batch;
  const int stride = gridDim.x * blockDim.x;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += stride) {
    const int i0 = i / 16928;
    const int i1 = (i / 529) % 32;
    float t2 = 0;  // gradient of averagepooling2d_1
    const int i3 = (i / 23) % 23;
    for (int r4 = gc_first_window(i3, 3, 2); r4 <= gc_last_window(i3, 2, 11);
        ++r4) {
      const int i5 = i % 23;
      const int i6 = i5 + 1;
      const int i7 = i6 / 2;
      const int i8 = ((i0 * 32 + i1) * 11 + r4) * 12 + i7;
      const float t9 = x0[i8];
      t2 = gc_add(t2, t9);
    }
    const float t10 = gc_mul(t2, 0.25f);  // gradient of averagepooling2d_1
    y0[i] = t10;
  }
}
