void rounded_down(
    int* y0) {
  for (int p0 = 0; p0 < 20; ++p0) {
    y0[p0 * 2] = (p0 + 3) / 4 - 3;
    y0[p0 * 2 + 1] = (p0 + 3) % 4;
  }
}
