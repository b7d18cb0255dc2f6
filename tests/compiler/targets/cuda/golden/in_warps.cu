extern "C" __global__ void __launch_bounds__(128) in_warps(
    gc_uint64* status, const int* __restrict__ x0, const float* __restrict__ x1,
    float* y0) {
  const int block = blockIdx.x;
  const int row = gc_check_index(status, 3, block, x0[block], 7);
  const int warp = threadIdx.x / 32;
  const int lane = threadIdx.x % 32;
  float kept[2];
  #pragma unroll
  for (int k = 0; k < 2; ++k) {
    kept[k] = gc_mul(x1[row * 128 + warp * 32 + lane], 0.5f);
  }
  y0[block * 128 + warp * 32 + lane] = gc_add(kept[0], kept[1]);
}
