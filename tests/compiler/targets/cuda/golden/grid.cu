extern "C" __global__ void __launch_bounds__(256) grid(
    int n0, const float* __restrict__ x0, float* y0) {
  const int i = blockIdx.x * 256 + threadIdx.x;
  if (i < 3 * n0) {
    const float t0 = gc_neg(x0[i]);  // activation_1
    y0[i] = t0;
  }
}
