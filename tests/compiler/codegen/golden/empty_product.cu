// k0_matmul: dense_1: matmul, add
// batch x 3 elements, one a thread
// x0: x float32[batch, 0]
// x1: W float32[0, 3]
// x2: dense_1/b float32[3]
// y0: dense_1/add float32[batch, 3]
extern "C" __global__ void __launch_bounds__(256) k0_matmul(
    const float* __restrict__ x0, int batch, const float* __restrict__ x1,
    const float* __restrict__ x2, float* y0) {
  const int count = 3 * batch;
  const int stride = gridDim.x * blockDim.x;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += stride) {
    const int i1 = i % 3;
    float t2 = 0;  // dense_1
    for (int r3 = 0; r3 < 0; ++r3) {
      const float t4 = x0[r3];
      const int i5 = r3 * 3 + i1;
      const float t6 = x1[i5];
      t2 = gc_add(t2, gc_mul(t4, t6));
    }
    const float t7 = x2[i1];
    const float t8 = gc_add(t2, t7);  // dense_1
    y0[i] = t8;
  }
}
