extern "C" __global__ void __launch_bounds__(256) packs(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    float* y0) {
  const int i = blockIdx.x * 256 + threadIdx.x;
  if (i < 128 * batch) {
    float x0_pack[4];
    gc_load_pack(x0_pack, x0 + i * 4);
    float x1_pack[4];
    gc_load_pack(x1_pack, x1 + i % 128 * 4);
    float y0_pack[4];
    #pragma unroll
    for (int lane = 0; lane < 4; ++lane) {
      const float t0 = gc_add(x0_pack[lane], x1_pack[lane]);
      const float t1 = gc_maximum(t0, 0.0f);
      y0_pack[lane] = t1;
    }
    gc_store_pack(y0 + i * 4, y0_pack);
  }
}
