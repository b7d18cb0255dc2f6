void flipped(
    const int* __restrict__ x0, int* y0) {
  for (int p0 = 0; p0 < 120; ++p0) {
    y0[p0] = gc_neg(x0[p0 / 20 * 20 + p0 % 5 + 15 - p0 / 5 % 4 * 5]);
  }
}
