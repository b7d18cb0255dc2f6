// k0_window: gradient of maxpooling2d_1: max_unpool
// batch x 32 x 24 x 24 elements, packs
// x0: places int32[batch, 32, 12, 12]
// x1: c float32[batch, 32, 12, 12]
// y0: gradient of maxpooling2d_1/max_unpool float32[batch, 32, 24, 24]
extern "C" __global__ void __launch_bounds__(256) k0_window(
    const int* __restrict__ x0, const float* __restrict__ x1, float* y0) {
  const int i = blockIdx.x * 256 + threadIdx.x;
  float y0_pack[4];
  #pragma unroll
  for (int lane = 0; lane < 4; ++lane) {
    float s0 = 0.0f;
    const bool t0 =
        gc_equal(x0[i / 12 * 12 + i % 6 * 2 + lane / 2],
            i / 6 % 2 * 2 + lane % 2);  // gradient of maxpooling2d_1
    // gradient of maxpooling2d_1
    s0 = gc_add(s0, gc_where(t0, x1[i / 12 * 12 + i % 6 * 2 + lane / 2], 0.0f));
    y0_pack[lane] = s0;
  }
  gc_store_pack(y0 + i * 4, y0_pack);
}
