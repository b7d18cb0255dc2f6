void strips_of_own_rows(
    const float* __restrict__ x1, float* panels) {
  // copy what is read of x1 to panels
  for (int panels_axis0_outer = 0; panels_axis0_outer < 2;
      ++panels_axis0_outer) {
    gc_transpose(32, 128, x1 + panels_axis0_outer * 4096, 128,
        panels + panels_axis0_outer * 4096, 32);
  }
}

void strips_of_own_rows(
    int begin, int end, const float* __restrict__ x0,
    const float* __restrict__ panels, float* y0) {
  for (int i0_part_outer = 0;
      i0_part_outer < (begin * 63 + end + 63) / 64 - begin; ++i0_part_outer) {
    float* const s0 = gc_scratch<float>(0, 4096);
    for (int s0_column_outer = 0; s0_column_outer < 2; ++s0_column_outer) {
      gc_panel_product<GC_STORED, 64>(end - begin - i0_part_outer * 64, 32, 128,
          s0 + s0_column_outer * 32, 64,
          x0 + begin * 128 + i0_part_outer * 8192, 128,
          panels + s0_column_outer * 4096, 32);
    }
    const int end_of_i0_part_inner =
        gc_minimum(64, end - begin - i0_part_outer * 64);
    for (int i0_part_inner = 0; i0_part_inner < end_of_i0_part_inner;
        ++i0_part_inner) {
      #pragma omp simd simdlen(GC_LANES(float))
      for (int i1 = 0; i1 < 64; ++i1) {
        const float t0 = gc_tanh(s0[i0_part_inner * 64 + i1]);
        y0[begin * 64 + i0_part_outer * 4096 + i0_part_inner * 64 + i1] = t0;
      }
    }
  }
}
