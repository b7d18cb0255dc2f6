void drawn(
    int step, gc_uint64 call_step, unsigned int w0, unsigned int w1,
    const gc_byte* __restrict__ x0, const bool* __restrict__ x1,
    unsigned int* y0, float* y1) {
  for (int row = 0; row < 3; ++row) {
    for (int column = 0; column < 8; ++column) {
      const unsigned int t0 =
          gc_random(row * 8 + column, step, call_step, w0, w1);  // dropout_1
      const bool t1 =
          gc_logical_and(gc_unpack_bool<3>(x0[row * 8 + column]),
              gc_flag(x1[row * 8 + column]));
      const float t2 = gc_where(t1, 1.0f, 2.0f);
      y0[row * 8 + column] = t0;
      y1[row * 8 + column + 24] = t2;
    }
  }
}
