// k0_matmul: dense_1: matmul, add
// batch x 3 elements, packs
// x0: x float32[batch, 0]
// x1: W float32[0, 3]
// x2: dense_1/b float32[3]
// y0: dense_1/add float32[batch, 3]
extern "C" __global__ void __launch_bounds__(256) k0_matmul(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    const float* __restrict__ x2, float* y0) {
  const int i = blockIdx.x * 256 + threadIdx.x;
  if (i < (3 * batch + 3) / 4) {
    float y0_pack[4];
    #pragma unroll
    for (int lane = 0; lane < 4; ++lane) {
      if (i * 4 + lane < 3 * batch) {
        float s0 = 0.0f;
        const float t0 = gc_add(s0, x2[(i * 4 + lane) % 3]);  // dense_1
        y0_pack[lane] = t0;
      }
    }
    gc_store_pack(y0 + i * 4, y0_pack, 3 * batch - i * 4);
  }
}
