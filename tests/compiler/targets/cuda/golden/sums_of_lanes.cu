extern "C" __global__ void __launch_bounds__(64) sums_of_lanes(
    int n0, const float* __restrict__ x0, float* y0, float* y1) {
  const int block = blockIdx.x;
  const int warp = threadIdx.x / 32;
  const int row = threadIdx.x / 8 % 4;
  if (block * 8 + warp * 4 + row < n0) {
    float kept[2];
    float parts;
    float total = 0.0f;
    const int lane = threadIdx.x % 8;
    parts = 0.0f;
    #pragma unroll
    for (int turn = 0; turn < 2; ++turn) {
      if (lane + turn * 8 < 12) {
        kept[turn] = x0[block * 96 + warp * 48 + row * 12 + lane + turn * 8];
        parts = gc_add(parts, kept[turn]);
      }
    }
    gc_sum_of_8_lanes(total, parts);
    if (lane == 0) {
      y0[block * 8 + warp * 4 + row] = total;
    }
    #pragma unroll
    for (int turn_2 = 0; turn_2 < 2; ++turn_2) {
      if (lane + turn_2 * 8 < 12) {
        y1[block * 96 + warp * 48 + row * 12 + lane + turn_2 * 8] =
            gc_sub(kept[turn_2], total);
      }
    }
  }
}
