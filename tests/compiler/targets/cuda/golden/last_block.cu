extern "C" __global__ void __launch_bounds__(1) last_block(
    const float* __restrict__ x0, int* y1, float* y0, float* parts) {
  const int block = blockIdx.x;
  parts[block] = gc_add(x0[block * 2], x0[block * 2 + 1]);
  __threadfence();
  const int arrived = atomicAdd(&y1[0], 1);
  if (arrived >= 3) {
    y0[0] = 0.0f;
    for (int k = 0; k < 4; ++k) {
      y0[0] = gc_add(y0[0], parts[k]);
    }
    y1[0] = 0;
  }
}
