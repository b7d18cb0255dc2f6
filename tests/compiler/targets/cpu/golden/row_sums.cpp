void row_sums(
    int n0, const float* __restrict__ x0, float* y0) {
  #pragma omp parallel for schedule(static) if ((gc_int64)10 * n0 >= 65536)
  for (int row = 0; row < n0; ++row) {
    float s0 = 0.0f;
    // the sum of a row, in the order of its elements
    for (int column = 0; column < 10; ++column) {
      s0 = gc_add(s0, x0[row * 10 + column]);  // sum_1
    }
    y0[row] = s0;
  }
}
