extern "C" __global__ void __launch_bounds__(256) elements_without_terms(
    int batch, const float* __restrict__ x0, float* y0) {
  const int i = blockIdx.x * 256 + threadIdx.x;
  if (i < batch) {
    float s0 = 0.0f;
    y0[i] = s0;
  }
}
