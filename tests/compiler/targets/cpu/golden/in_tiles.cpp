void in_tiles(
    int n0, gc_uint64* status, const double* __restrict__ x0, double* y0,
    double* y1) {
  #pragma omp parallel for schedule(static) if ((gc_int64)8 * n0 >= 65536)
  for (int tile = 0; tile < (n0 + 15) / 16; ++tile) {
    // the rows of a tile
    const int end_of_inner = gc_minimum(16, n0 - tile * 16);
    for (int inner = 0; inner < end_of_inner; ++inner) {
      double kept[4];
      #pragma GCC unroll 4
      for (int lane = 0; lane < 4; ++lane) {
        kept[lane] =
            gc_add(x0[tile * 64 + inner * 4 + lane],
                x0[tile * 64 + inner * 4 + lane]);
      }
      if (tile * 16 + inner < 3 && tile * 16 + inner >= 1) {
        y1[tile * 16 + inner] = kept[2];
      } else {
        y1[tile * 16 + inner] = 0.25;
        if ((tile * 16 + inner) % 3 == 0 && gc_ok(status))
            y1[tile * 16 + inner] = 0.5;
      }
      #pragma GCC unroll 4
      for (int lane1 = 0; lane1 < 4; ++lane1) {
        y0[tile * 64 + inner * 4 + lane1] = kept[lane1];
      }
    }
  }
}
