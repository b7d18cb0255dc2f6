void transposed(
    const float* __restrict__ x0, float* y0) {
  float* const stage = gc_scratch<float>(0, 600);
  // a part of x0, its columns as rows
  gc_transpose(20, 30, x0 + 507, 50, stage, 20);
  for (int row = 0; row < 30; ++row) {
    #pragma omp simd
    for (int column = 0; column < 20; ++column) {
      y0[row * 20 + column] = stage[row * 20 + column];
    }
  }
}
