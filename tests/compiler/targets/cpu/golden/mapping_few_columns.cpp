static void few_columns(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    float* y0) {
  #pragma omp parallel for schedule(static) if ((gc_int64)1340 * batch >= 65536)
  for (int i0_outer = 0; i0_outer < (batch + 63) / 64; ++i0_outer) {
    float* const columns = gc_scratch<float>(0, 4096);
    // copy what is read of x1 to columns
    for (int columns_axis1 = 0; columns_axis1 < 4; ++columns_axis1) {
      #pragma omp simd
      for (int columns_axis0 = 0; columns_axis0 < 1024; ++columns_axis0) {
        columns[columns_axis1 * 1024 + columns_axis0] =
            x1[columns_axis1 + columns_axis0 * 4];
      }
    }
    const int end_of_i0_inner = gc_minimum(64, batch - i0_outer * 64);
    for (int i0_inner = 0; i0_inner < end_of_i0_inner; ++i0_inner) {
      float* const s0 = gc_scratch<float>(1, 4);
      s0[0] = 0.0f;
      s0[1] = 0.0f;
      s0[2] = 0.0f;
      s0[3] = 0.0f;
      float s0_parts[128];
      // start the parts of s0
      #pragma omp simd
      for (int s0_part = 0; s0_part < 32; ++s0_part) {
        s0_parts[s0_part] = 0.0f;
      }
      #pragma omp simd
      for (int s0_part = 0; s0_part < 32; ++s0_part) {
        s0_parts[s0_part + 32] = 0.0f;
      }
      #pragma omp simd
      for (int s0_part = 0; s0_part < 32; ++s0_part) {
        s0_parts[s0_part + 64] = 0.0f;
      }
      #pragma omp simd
      for (int s0_part = 0; s0_part < 32; ++s0_part) {
        s0_parts[s0_part + 96] = 0.0f;
      }
      // matmul
      for (int k0_outer = 0; k0_outer < 32; ++k0_outer) {
        #pragma omp simd
        for (int k0_inner = 0; k0_inner < 32; ++k0_inner) {
          s0_parts[k0_inner] =
              gc_fma(
                  x0[i0_outer * 65536 + i0_inner * 1024 + k0_outer * 32 +
                      k0_inner], columns[k0_outer * 32 + k0_inner],
                  s0_parts[k0_inner]);
          s0_parts[k0_inner + 32] =
              gc_fma(
                  x0[i0_outer * 65536 + i0_inner * 1024 + k0_outer * 32 +
                      k0_inner], columns[k0_outer * 32 + k0_inner + 1024],
                  s0_parts[k0_inner + 32]);
          s0_parts[k0_inner + 64] =
              gc_fma(
                  x0[i0_outer * 65536 + i0_inner * 1024 + k0_outer * 32 +
                      k0_inner], columns[k0_outer * 32 + k0_inner + 2048],
                  s0_parts[k0_inner + 64]);
          s0_parts[k0_inner + 96] =
              gc_fma(
                  x0[i0_outer * 65536 + i0_inner * 1024 + k0_outer * 32 +
                      k0_inner], columns[k0_outer * 32 + k0_inner + 3072],
                  s0_parts[k0_inner + 96]);
        }
      }
      // combine the parts of s0
      #pragma omp simd
      for (int s0_part = 0; s0_part < 16; ++s0_part) {
        s0_parts[s0_part] = gc_add(s0_parts[s0_part], s0_parts[s0_part + 16]);
      }
      #pragma omp simd
      for (int s0_part = 0; s0_part < 16; ++s0_part) {
        s0_parts[s0_part + 32] =
            gc_add(s0_parts[s0_part + 32], s0_parts[s0_part + 48]);
      }
      #pragma omp simd
      for (int s0_part = 0; s0_part < 16; ++s0_part) {
        s0_parts[s0_part + 64] =
            gc_add(s0_parts[s0_part + 64], s0_parts[s0_part + 80]);
      }
      #pragma omp simd
      for (int s0_part = 0; s0_part < 16; ++s0_part) {
        s0_parts[s0_part + 96] =
            gc_add(s0_parts[s0_part + 96], s0_parts[s0_part + 112]);
      }
      #pragma omp simd
      for (int s0_part = 0; s0_part < 8; ++s0_part) {
        s0_parts[s0_part] = gc_add(s0_parts[s0_part], s0_parts[s0_part + 8]);
      }
      #pragma omp simd
      for (int s0_part = 0; s0_part < 8; ++s0_part) {
        s0_parts[s0_part + 32] =
            gc_add(s0_parts[s0_part + 32], s0_parts[s0_part + 40]);
      }
      #pragma omp simd
      for (int s0_part = 0; s0_part < 8; ++s0_part) {
        s0_parts[s0_part + 64] =
            gc_add(s0_parts[s0_part + 64], s0_parts[s0_part + 72]);
      }
      #pragma omp simd
      for (int s0_part = 0; s0_part < 8; ++s0_part) {
        s0_parts[s0_part + 96] =
            gc_add(s0_parts[s0_part + 96], s0_parts[s0_part + 104]);
      }
      for (int s0_part = 0; s0_part < 4; ++s0_part) {
        s0_parts[s0_part] = gc_add(s0_parts[s0_part], s0_parts[s0_part + 4]);
      }
      for (int s0_part = 0; s0_part < 4; ++s0_part) {
        s0_parts[s0_part + 32] =
            gc_add(s0_parts[s0_part + 32], s0_parts[s0_part + 36]);
      }
      for (int s0_part = 0; s0_part < 4; ++s0_part) {
        s0_parts[s0_part + 64] =
            gc_add(s0_parts[s0_part + 64], s0_parts[s0_part + 68]);
      }
      for (int s0_part = 0; s0_part < 4; ++s0_part) {
        s0_parts[s0_part + 96] =
            gc_add(s0_parts[s0_part + 96], s0_parts[s0_part + 100]);
      }
      for (int s0_part = 0; s0_part < 2; ++s0_part) {
        s0_parts[s0_part] = gc_add(s0_parts[s0_part], s0_parts[s0_part + 2]);
      }
      for (int s0_part = 0; s0_part < 2; ++s0_part) {
        s0_parts[s0_part + 32] =
            gc_add(s0_parts[s0_part + 32], s0_parts[s0_part + 34]);
      }
      for (int s0_part = 0; s0_part < 2; ++s0_part) {
        s0_parts[s0_part + 64] =
            gc_add(s0_parts[s0_part + 64], s0_parts[s0_part + 66]);
      }
      for (int s0_part = 0; s0_part < 2; ++s0_part) {
        s0_parts[s0_part + 96] =
            gc_add(s0_parts[s0_part + 96], s0_parts[s0_part + 98]);
      }
      s0_parts[0] = gc_add(s0_parts[0], s0_parts[1]);
      s0_parts[32] = gc_add(s0_parts[32], s0_parts[33]);
      s0_parts[64] = gc_add(s0_parts[64], s0_parts[65]);
      s0_parts[96] = gc_add(s0_parts[96], s0_parts[97]);
      s0[0] = gc_add(s0[0], s0_parts[0]);
      s0[1] = gc_add(s0[1], s0_parts[32]);
      s0[2] = gc_add(s0[2], s0_parts[64]);
      s0[3] = gc_add(s0[3], s0_parts[96]);
      for (int i1 = 0; i1 < 4; ++i1) {
        y0[i0_outer * 256 + i0_inner * 4 + i1] = s0[i1];
      }
    }
  }
}
