void gathered(
    int n0, gc_uint64* status, const int* __restrict__ x0,
    const float* __restrict__ x1, float* y0) {
  for (int row = 0; row < n0; ++row) {
    const int word = gc_check_index(status, 3, row, x0[row], 7);
    __builtin_prefetch(&x1[word * 5]);
    #pragma omp simd
    for (int column = 0; column < 5; ++column) {
      y0[row * 5 + column] = x1[word * 5 + column];
    }
  }
}
