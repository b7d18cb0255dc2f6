extern "C" __global__ void __launch_bounds__(64) row_sums(
    const float* __restrict__ x0, float* y0) {
  // a block for each row
  const int row = blockIdx.x;
  __shared__ __align__(16) float parts[64];
  const int thread = threadIdx.x;
  float total = 0.0f;
  for (int k = 0; k < 2; ++k) {
    if (thread + k * 64 < 100) {
      total = gc_add(total, x0[row * 100 + thread + k * 64]);  // sum_1
    }
  }
  parts[thread] = total;
  __syncthreads();
  if (threadIdx.x == 0) {
    float whole = 0.0f;
    for (int part = 0; part < 64; ++part) {
      whole = gc_add(whole, parts[part]);
    }
    y0[row] = whole;
  }
}
