extern "C" __global__ void __launch_bounds__(256) largest(
    int n0, const float* __restrict__ x0, int* y0, int* y1) {
  const int i = blockIdx.x * 256 + threadIdx.x;
  if (i < n0) {
    float best = -gc_infinity<float>();
    int place = -1;
    for (int column = 0; column < 9; ++column) {
      gc_carry<gc_reduce_argmax>(best, place, x0[i * 9 + column], column);
    }
    if (i % 2 == 0) {
      y1[i] = place;
    } else {
      y1[i] = -7;
    }
    y0[i] = place;
  }
}
