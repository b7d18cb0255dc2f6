void padded(
    int n0, const float* __restrict__ x0, float* y0, float* y1) {
  for (int row = 0; row < n0; ++row) {
    #pragma GCC unroll 1  // GCC's bug 114375
    for (int column = 0; column < 14; ++column) {
      // pad_1
      const float t0 =
          column >= 2 && column < 12 ? x0[row * 10 + column - 2] : 0.0f;
      // pad_2
      const float t1 =
          column % 2 == 0 && column / 2 < 7 ? x0[row * 10 + column / 2] : -1.5f;
      y0[row * 14 + column] = t0;
      y1[row * 14 + column] = t1;
    }
  }
}
