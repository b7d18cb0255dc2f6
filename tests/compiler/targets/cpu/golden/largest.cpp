void largest(
    int n0, const float* __restrict__ x0, int* y0) {
  for (int row = 0; row < n0; ++row) {
    float s0 = -gc_infinity<float>();
    int s1 = -1;
    for (int column = 0; column < 9; ++column) {
      // argmax_1
      gc_carry<gc_reduce_argmax>(s0, s1, x0[row * 9 + column], column);
    }
    y0[row] = s1;
  }
}
