void few_columns(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    float* y0) {
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)1656 * (batch / 2) >= 65536)
  for (int i0_outer_outer = 0; i0_outer_outer < (batch / 2 + 31) / 32;
      ++i0_outer_outer) {
    float* const columns = gc_scratch<float>(0, 4096);
    // copy what is read of x1 to columns
    for (int columns_axis1 = 0; columns_axis1 < 4; ++columns_axis1) {
      #pragma omp simd
      for (int columns_axis0 = 0; columns_axis0 < 1024; ++columns_axis0) {
        columns[columns_axis1 * 1024 + columns_axis0] =
            x1[columns_axis1 + columns_axis0 * 4];
      }
    }
    const int end_of_i0_outer_inner =
        gc_minimum(32, batch / 2 - i0_outer_outer * 32);
    for (int i0_outer_inner = 0; i0_outer_inner < end_of_i0_outer_inner;
        ++i0_outer_inner) {
      float* const s0 = gc_scratch<float>(1, 8);
      s0[0] = 0.0f;
      s0[1] = 0.0f;
      s0[2] = 0.0f;
      s0[3] = 0.0f;
      s0[4] = 0.0f;
      s0[5] = 0.0f;
      s0[6] = 0.0f;
      s0[7] = 0.0f;
      float s0_parts[256];
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
      #pragma omp simd
      for (int s0_part = 0; s0_part < 32; ++s0_part) {
        s0_parts[s0_part + 128] = 0.0f;
      }
      #pragma omp simd
      for (int s0_part = 0; s0_part < 32; ++s0_part) {
        s0_parts[s0_part + 160] = 0.0f;
      }
      #pragma omp simd
      for (int s0_part = 0; s0_part < 32; ++s0_part) {
        s0_parts[s0_part + 192] = 0.0f;
      }
      #pragma omp simd
      for (int s0_part = 0; s0_part < 32; ++s0_part) {
        s0_parts[s0_part + 224] = 0.0f;
      }
      // matmul
      for (int k0_outer = 0; k0_outer < 32; ++k0_outer) {
        #pragma omp simd
        for (int k0_inner = 0; k0_inner < 32; ++k0_inner) {
          s0_parts[k0_inner] =
              gc_fma(
                  x0[i0_outer_outer * 65536 + i0_outer_inner * 2048 +
                      k0_outer * 32 + k0_inner],
                  columns[k0_outer * 32 + k0_inner], s0_parts[k0_inner]);
          s0_parts[k0_inner + 32] =
              gc_fma(
                  x0[i0_outer_outer * 65536 + i0_outer_inner * 2048 +
                      k0_outer * 32 + k0_inner],
                  columns[k0_outer * 32 + k0_inner + 1024],
                  s0_parts[k0_inner + 32]);
          s0_parts[k0_inner + 64] =
              gc_fma(
                  x0[i0_outer_outer * 65536 + i0_outer_inner * 2048 +
                      k0_outer * 32 + k0_inner],
                  columns[k0_outer * 32 + k0_inner + 2048],
                  s0_parts[k0_inner + 64]);
          s0_parts[k0_inner + 96] =
              gc_fma(
                  x0[i0_outer_outer * 65536 + i0_outer_inner * 2048 +
                      k0_outer * 32 + k0_inner],
                  columns[k0_outer * 32 + k0_inner + 3072],
                  s0_parts[k0_inner + 96]);
          s0_parts[k0_inner + 128] =
              gc_fma(
                  x0[i0_outer_outer * 65536 + i0_outer_inner * 2048 +
                      k0_outer * 32 + k0_inner + 1024],
                  columns[k0_outer * 32 + k0_inner], s0_parts[k0_inner + 128]);
          s0_parts[k0_inner + 160] =
              gc_fma(
                  x0[i0_outer_outer * 65536 + i0_outer_inner * 2048 +
                      k0_outer * 32 + k0_inner + 1024],
                  columns[k0_outer * 32 + k0_inner + 1024],
                  s0_parts[k0_inner + 160]);
          s0_parts[k0_inner + 192] =
              gc_fma(
                  x0[i0_outer_outer * 65536 + i0_outer_inner * 2048 +
                      k0_outer * 32 + k0_inner + 1024],
                  columns[k0_outer * 32 + k0_inner + 2048],
                  s0_parts[k0_inner + 192]);
          s0_parts[k0_inner + 224] =
              gc_fma(
                  x0[i0_outer_outer * 65536 + i0_outer_inner * 2048 +
                      k0_outer * 32 + k0_inner + 1024],
                  columns[k0_outer * 32 + k0_inner + 3072],
                  s0_parts[k0_inner + 224]);
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
      for (int s0_part = 0; s0_part < 16; ++s0_part) {
        s0_parts[s0_part + 128] =
            gc_add(s0_parts[s0_part + 128], s0_parts[s0_part + 144]);
      }
      #pragma omp simd
      for (int s0_part = 0; s0_part < 16; ++s0_part) {
        s0_parts[s0_part + 160] =
            gc_add(s0_parts[s0_part + 160], s0_parts[s0_part + 176]);
      }
      #pragma omp simd
      for (int s0_part = 0; s0_part < 16; ++s0_part) {
        s0_parts[s0_part + 192] =
            gc_add(s0_parts[s0_part + 192], s0_parts[s0_part + 208]);
      }
      #pragma omp simd
      for (int s0_part = 0; s0_part < 16; ++s0_part) {
        s0_parts[s0_part + 224] =
            gc_add(s0_parts[s0_part + 224], s0_parts[s0_part + 240]);
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
      #pragma omp simd
      for (int s0_part = 0; s0_part < 8; ++s0_part) {
        s0_parts[s0_part + 128] =
            gc_add(s0_parts[s0_part + 128], s0_parts[s0_part + 136]);
      }
      #pragma omp simd
      for (int s0_part = 0; s0_part < 8; ++s0_part) {
        s0_parts[s0_part + 160] =
            gc_add(s0_parts[s0_part + 160], s0_parts[s0_part + 168]);
      }
      #pragma omp simd
      for (int s0_part = 0; s0_part < 8; ++s0_part) {
        s0_parts[s0_part + 192] =
            gc_add(s0_parts[s0_part + 192], s0_parts[s0_part + 200]);
      }
      #pragma omp simd
      for (int s0_part = 0; s0_part < 8; ++s0_part) {
        s0_parts[s0_part + 224] =
            gc_add(s0_parts[s0_part + 224], s0_parts[s0_part + 232]);
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
      for (int s0_part = 0; s0_part < 4; ++s0_part) {
        s0_parts[s0_part + 128] =
            gc_add(s0_parts[s0_part + 128], s0_parts[s0_part + 132]);
      }
      for (int s0_part = 0; s0_part < 4; ++s0_part) {
        s0_parts[s0_part + 160] =
            gc_add(s0_parts[s0_part + 160], s0_parts[s0_part + 164]);
      }
      for (int s0_part = 0; s0_part < 4; ++s0_part) {
        s0_parts[s0_part + 192] =
            gc_add(s0_parts[s0_part + 192], s0_parts[s0_part + 196]);
      }
      for (int s0_part = 0; s0_part < 4; ++s0_part) {
        s0_parts[s0_part + 224] =
            gc_add(s0_parts[s0_part + 224], s0_parts[s0_part + 228]);
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
      for (int s0_part = 0; s0_part < 2; ++s0_part) {
        s0_parts[s0_part + 128] =
            gc_add(s0_parts[s0_part + 128], s0_parts[s0_part + 130]);
      }
      for (int s0_part = 0; s0_part < 2; ++s0_part) {
        s0_parts[s0_part + 160] =
            gc_add(s0_parts[s0_part + 160], s0_parts[s0_part + 162]);
      }
      for (int s0_part = 0; s0_part < 2; ++s0_part) {
        s0_parts[s0_part + 192] =
            gc_add(s0_parts[s0_part + 192], s0_parts[s0_part + 194]);
      }
      for (int s0_part = 0; s0_part < 2; ++s0_part) {
        s0_parts[s0_part + 224] =
            gc_add(s0_parts[s0_part + 224], s0_parts[s0_part + 226]);
      }
      s0_parts[0] = gc_add(s0_parts[0], s0_parts[1]);
      s0_parts[32] = gc_add(s0_parts[32], s0_parts[33]);
      s0_parts[64] = gc_add(s0_parts[64], s0_parts[65]);
      s0_parts[96] = gc_add(s0_parts[96], s0_parts[97]);
      s0_parts[128] = gc_add(s0_parts[128], s0_parts[129]);
      s0_parts[160] = gc_add(s0_parts[160], s0_parts[161]);
      s0_parts[192] = gc_add(s0_parts[192], s0_parts[193]);
      s0_parts[224] = gc_add(s0_parts[224], s0_parts[225]);
      s0[0] = gc_add(s0[0], s0_parts[0]);
      s0[1] = gc_add(s0[1], s0_parts[32]);
      s0[2] = gc_add(s0[2], s0_parts[64]);
      s0[3] = gc_add(s0[3], s0_parts[96]);
      s0[4] = gc_add(s0[4], s0_parts[128]);
      s0[5] = gc_add(s0[5], s0_parts[160]);
      s0[6] = gc_add(s0[6], s0_parts[192]);
      s0[7] = gc_add(s0[7], s0_parts[224]);
      for (int i0_inner = 0; i0_inner < 2; ++i0_inner) {
        for (int i1 = 0; i1 < 4; ++i1) {
          y0[i0_outer_outer * 256 + i0_outer_inner * 8 + i0_inner * 4 + i1] =
              s0[i0_inner * 4 + i1];
        }
      }
    }
  }
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)(3968 * (batch / 2) - 1984 * batch) >= 65536)
  for (int i0_rest_outer = 0;
      i0_rest_outer < (batch + 62 * (batch / 2) + 63) / 64 - batch / 2;
      ++i0_rest_outer) {
    float* const columns_2 = gc_scratch<float>(0, 4096);
    // copy what is read of x1 to columns
    for (int columns_axis1 = 0; columns_axis1 < 4; ++columns_axis1) {
      #pragma omp simd
      for (int columns_axis0 = 0; columns_axis0 < 1024; ++columns_axis0) {
        columns_2[columns_axis1 * 1024 + columns_axis0] =
            x1[columns_axis1 + columns_axis0 * 4];
      }
    }
    for (int i0_rest_inner = 0;
        i0_rest_inner < batch - i0_rest_outer * 64 - 2 * (batch / 2);
        ++i0_rest_inner) {
      float* const s0_2 = gc_scratch<float>(1, 4);
      s0_2[0] = 0.0f;
      s0_2[1] = 0.0f;
      s0_2[2] = 0.0f;
      s0_2[3] = 0.0f;
      float s0_2_parts[128];
      // start the parts of s0_2
      #pragma omp simd
      for (int s0_2_part = 0; s0_2_part < 32; ++s0_2_part) {
        s0_2_parts[s0_2_part] = 0.0f;
      }
      #pragma omp simd
      for (int s0_2_part = 0; s0_2_part < 32; ++s0_2_part) {
        s0_2_parts[s0_2_part + 32] = 0.0f;
      }
      #pragma omp simd
      for (int s0_2_part = 0; s0_2_part < 32; ++s0_2_part) {
        s0_2_parts[s0_2_part + 64] = 0.0f;
      }
      #pragma omp simd
      for (int s0_2_part = 0; s0_2_part < 32; ++s0_2_part) {
        s0_2_parts[s0_2_part + 96] = 0.0f;
      }
      // matmul
      for (int k0_2_outer = 0; k0_2_outer < 32; ++k0_2_outer) {
        #pragma omp simd
        for (int k0_2_inner = 0; k0_2_inner < 32; ++k0_2_inner) {
          s0_2_parts[k0_2_inner] =
              gc_fma(
                  x0[i0_rest_outer * 65536 + i0_rest_inner * 1024 +
                      k0_2_outer * 32 + k0_2_inner + 2048 * (batch / 2)],
                  columns_2[k0_2_outer * 32 + k0_2_inner],
                  s0_2_parts[k0_2_inner]);
          s0_2_parts[k0_2_inner + 32] =
              gc_fma(
                  x0[i0_rest_outer * 65536 + i0_rest_inner * 1024 +
                      k0_2_outer * 32 + k0_2_inner + 2048 * (batch / 2)],
                  columns_2[k0_2_outer * 32 + k0_2_inner + 1024],
                  s0_2_parts[k0_2_inner + 32]);
          s0_2_parts[k0_2_inner + 64] =
              gc_fma(
                  x0[i0_rest_outer * 65536 + i0_rest_inner * 1024 +
                      k0_2_outer * 32 + k0_2_inner + 2048 * (batch / 2)],
                  columns_2[k0_2_outer * 32 + k0_2_inner + 2048],
                  s0_2_parts[k0_2_inner + 64]);
          s0_2_parts[k0_2_inner + 96] =
              gc_fma(
                  x0[i0_rest_outer * 65536 + i0_rest_inner * 1024 +
                      k0_2_outer * 32 + k0_2_inner + 2048 * (batch / 2)],
                  columns_2[k0_2_outer * 32 + k0_2_inner + 3072],
                  s0_2_parts[k0_2_inner + 96]);
        }
      }
      // combine the parts of s0_2
      #pragma omp simd
      for (int s0_2_part = 0; s0_2_part < 16; ++s0_2_part) {
        s0_2_parts[s0_2_part] =
            gc_add(s0_2_parts[s0_2_part], s0_2_parts[s0_2_part + 16]);
      }
      #pragma omp simd
      for (int s0_2_part = 0; s0_2_part < 16; ++s0_2_part) {
        s0_2_parts[s0_2_part + 32] =
            gc_add(s0_2_parts[s0_2_part + 32], s0_2_parts[s0_2_part + 48]);
      }
      #pragma omp simd
      for (int s0_2_part = 0; s0_2_part < 16; ++s0_2_part) {
        s0_2_parts[s0_2_part + 64] =
            gc_add(s0_2_parts[s0_2_part + 64], s0_2_parts[s0_2_part + 80]);
      }
      #pragma omp simd
      for (int s0_2_part = 0; s0_2_part < 16; ++s0_2_part) {
        s0_2_parts[s0_2_part + 96] =
            gc_add(s0_2_parts[s0_2_part + 96], s0_2_parts[s0_2_part + 112]);
      }
      #pragma omp simd
      for (int s0_2_part = 0; s0_2_part < 8; ++s0_2_part) {
        s0_2_parts[s0_2_part] =
            gc_add(s0_2_parts[s0_2_part], s0_2_parts[s0_2_part + 8]);
      }
      #pragma omp simd
      for (int s0_2_part = 0; s0_2_part < 8; ++s0_2_part) {
        s0_2_parts[s0_2_part + 32] =
            gc_add(s0_2_parts[s0_2_part + 32], s0_2_parts[s0_2_part + 40]);
      }
      #pragma omp simd
      for (int s0_2_part = 0; s0_2_part < 8; ++s0_2_part) {
        s0_2_parts[s0_2_part + 64] =
            gc_add(s0_2_parts[s0_2_part + 64], s0_2_parts[s0_2_part + 72]);
      }
      #pragma omp simd
      for (int s0_2_part = 0; s0_2_part < 8; ++s0_2_part) {
        s0_2_parts[s0_2_part + 96] =
            gc_add(s0_2_parts[s0_2_part + 96], s0_2_parts[s0_2_part + 104]);
      }
      for (int s0_2_part = 0; s0_2_part < 4; ++s0_2_part) {
        s0_2_parts[s0_2_part] =
            gc_add(s0_2_parts[s0_2_part], s0_2_parts[s0_2_part + 4]);
      }
      for (int s0_2_part = 0; s0_2_part < 4; ++s0_2_part) {
        s0_2_parts[s0_2_part + 32] =
            gc_add(s0_2_parts[s0_2_part + 32], s0_2_parts[s0_2_part + 36]);
      }
      for (int s0_2_part = 0; s0_2_part < 4; ++s0_2_part) {
        s0_2_parts[s0_2_part + 64] =
            gc_add(s0_2_parts[s0_2_part + 64], s0_2_parts[s0_2_part + 68]);
      }
      for (int s0_2_part = 0; s0_2_part < 4; ++s0_2_part) {
        s0_2_parts[s0_2_part + 96] =
            gc_add(s0_2_parts[s0_2_part + 96], s0_2_parts[s0_2_part + 100]);
      }
      for (int s0_2_part = 0; s0_2_part < 2; ++s0_2_part) {
        s0_2_parts[s0_2_part] =
            gc_add(s0_2_parts[s0_2_part], s0_2_parts[s0_2_part + 2]);
      }
      for (int s0_2_part = 0; s0_2_part < 2; ++s0_2_part) {
        s0_2_parts[s0_2_part + 32] =
            gc_add(s0_2_parts[s0_2_part + 32], s0_2_parts[s0_2_part + 34]);
      }
      for (int s0_2_part = 0; s0_2_part < 2; ++s0_2_part) {
        s0_2_parts[s0_2_part + 64] =
            gc_add(s0_2_parts[s0_2_part + 64], s0_2_parts[s0_2_part + 66]);
      }
      for (int s0_2_part = 0; s0_2_part < 2; ++s0_2_part) {
        s0_2_parts[s0_2_part + 96] =
            gc_add(s0_2_parts[s0_2_part + 96], s0_2_parts[s0_2_part + 98]);
      }
      s0_2_parts[0] = gc_add(s0_2_parts[0], s0_2_parts[1]);
      s0_2_parts[32] = gc_add(s0_2_parts[32], s0_2_parts[33]);
      s0_2_parts[64] = gc_add(s0_2_parts[64], s0_2_parts[65]);
      s0_2_parts[96] = gc_add(s0_2_parts[96], s0_2_parts[97]);
      s0_2[0] = gc_add(s0_2[0], s0_2_parts[0]);
      s0_2[1] = gc_add(s0_2[1], s0_2_parts[32]);
      s0_2[2] = gc_add(s0_2[2], s0_2_parts[64]);
      s0_2[3] = gc_add(s0_2[3], s0_2_parts[96]);
      for (int i1 = 0; i1 < 4; ++i1) {
        y0[i0_rest_outer * 256 + i0_rest_inner * 4 + i1 + 8 * (batch / 2)] =
            s0_2[i1];
      }
    }
  }
}
