// k0_window: gradient of maxpooling2d_1: max_unpool
// batch x 32 x 24 x 24 elements, one a thread
// x0: places int32[batch, 32, 12, 12]
// x1: c float32[batch, 32, 12, 12]
// y0: gradient of maxpooling2d_1/max_unpool float32[batch, 32, 24, 24]
extern "C" __global__ void __launch_bounds__(256) k0_window(
    const int* __restrict__ x0, int batch, const float* __restrict__ x1,
    float* y0) {
  const int count = 18432 * batch;
  const int stride = gridDim.x * blockDim.x;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += stride) {
    const int i0 = i / 18432;
    const int i1 = (i / 576) % 32;
    float t2 = 0;  // gradient of maxpooling2d_1
    const int i3 = (i / 24) % 24;
    const int i4 = i3 / 2;
    const int i5 = i % 24;
    const int i6 = i5 / 2;
    const int i7 = i3 - (i4 * 2);
    const int i8 = i5 - (i6 * 2);
    const int i9 = ((i0 * 32 + i1) * 12 + i4) * 12 + i6;
    const int t10 = x0[i9];
    const float t11 = x1[i9];
    t2 = gc_add(t2, t10 == i7 * 2 + i8 ? t11 : 0.0f);
    y0[i] = t2;
  }
}
