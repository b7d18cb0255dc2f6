void elementwise(
    int n0, const float* __restrict__ x0, const float* __restrict__ x1,
    float* y0) {
  // rows, divided over threads
  #pragma omp parallel for schedule(static) if ((gc_int64)512 * n0 >= 65536)
  for (int row = 0; row < n0; ++row) {
    #pragma omp simd
    for (int column = 0; column < 512; ++column) {
      const float t0 = gc_add(x0[row * 512 + column], x1[column]);  // dense_1
      const float t1 = gc_maximum(t0, 0.0f);  // dense_1
      y0[row * 512 + column] = t1;
    }
  }
}
