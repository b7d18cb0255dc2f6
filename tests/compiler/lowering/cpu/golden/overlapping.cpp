// k0_window: gradient of averagepooling2d_1: sum_unpool, mul
// batch x 32 x 23 x 23 elements, windows in vectors
// x0: c float32[batch, 32, 11, 12]
// y0: gradient of averagepooling2d_1/mul float32[batch, 32, 23, 23]
void k0_window(
    int batch, const float* __restrict__ x0, float* y0) {
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)73984 * batch >= 65536)
  for (int i0_i1 = 0; i0_i1 < 32 * batch; ++i0_i1) {
    for (int i2_outer = 0; i2_outer < 11; ++i2_outer) {
      float y0_flat_row[22];
      float s0[11];
      float s0_3[11];
      #pragma omp simd
      for (int i3_outer = 0; i3_outer < 11; ++i3_outer) {
        s0[i3_outer] = 0.0f;
      }
      #pragma omp simd
      for (int i3_outer = 0; i3_outer < 11; ++i3_outer) {
        // gradient of averagepooling2d_1
        s0[i3_outer] =
            gc_add(s0[i3_outer], x0[i0_i1 * 132 + i2_outer * 12 + i3_outer]);
      }
      if (i2_outer >= 1) {
        #pragma omp simd
        for (int i3_outer = 0; i3_outer < 11; ++i3_outer) {
          // gradient of averagepooling2d_1
          s0[i3_outer] =
              gc_add(s0[i3_outer],
                  x0[i0_i1 * 132 + i2_outer * 12 + i3_outer - 12]);
        }
      }
      #pragma omp simd
      for (int i3_outer = 0; i3_outer < 11; ++i3_outer) {
        // gradient of averagepooling2d_1
        const float t0 = gc_mul(s0[i3_outer], 0.25f);
        y0_flat_row[i3_outer] = t0;
      }
      #pragma omp simd
      for (int i3_outer = 0; i3_outer < 11; ++i3_outer) {
        s0_3[i3_outer] = 0.0f;
      }
      #pragma omp simd
      for (int i3_outer = 0; i3_outer < 11; ++i3_outer) {
        // gradient of averagepooling2d_1
        s0_3[i3_outer] =
            gc_add(s0_3[i3_outer],
                x0[i0_i1 * 132 + i2_outer * 12 + i3_outer + 1]);
      }
      if (i2_outer >= 1) {
        #pragma omp simd
        for (int i3_outer = 0; i3_outer < 11; ++i3_outer) {
          // gradient of averagepooling2d_1
          s0_3[i3_outer] =
              gc_add(s0_3[i3_outer],
                  x0[i0_i1 * 132 + i2_outer * 12 + i3_outer - 11]);
        }
      }
      #pragma omp simd
      for (int i3_outer = 0; i3_outer < 11; ++i3_outer) {
        // gradient of averagepooling2d_1
        const float t1 = gc_mul(s0_3[i3_outer], 0.25f);
        y0_flat_row[i3_outer + 11] = t1;
      }
      for (int i3_outer = 0; i3_outer < 11; ++i3_outer) {
        // store y0_flat_row
        #pragma GCC unroll 2
        for (int i3_inner = 0; i3_inner < 2; ++i3_inner) {
          y0[i0_i1 * 529 + i2_outer * 46 + i3_outer * 2 + i3_inner] =
              y0_flat_row[i3_outer + i3_inner * 11];
        }
      }
      float s0_2 = 0.0f;
      // sum_unpool
      for (int k0 = 0; k0 < 2; ++k0) {
        if (i2_outer >= k0) {
          // gradient of averagepooling2d_1
          s0_2 = gc_add(s0_2, x0[i0_i1 * 132 + i2_outer * 12 + 11 - k0 * 12]);
        }
      }
      const float t2 = gc_mul(s0_2, 0.25f);  // gradient of averagepooling2d_1
      y0[i0_i1 * 529 + i2_outer * 46 + 22] = t2;
      float y0_flat_row_3[22];
      float s0_7[11];
      float s0_8[11];
      #pragma omp simd
      for (int i3_outer = 0; i3_outer < 11; ++i3_outer) {
        s0_7[i3_outer] = 0.0f;
      }
      #pragma omp simd
      for (int i3_outer = 0; i3_outer < 11; ++i3_outer) {
        // gradient of averagepooling2d_1
        s0_7[i3_outer] =
            gc_add(s0_7[i3_outer], x0[i0_i1 * 132 + i2_outer * 12 + i3_outer]);
      }
      #pragma omp simd
      for (int i3_outer = 0; i3_outer < 11; ++i3_outer) {
        // gradient of averagepooling2d_1
        const float t3 = gc_mul(s0_7[i3_outer], 0.25f);
        y0_flat_row_3[i3_outer] = t3;
      }
      #pragma omp simd
      for (int i3_outer = 0; i3_outer < 11; ++i3_outer) {
        s0_8[i3_outer] = 0.0f;
      }
      #pragma omp simd
      for (int i3_outer = 0; i3_outer < 11; ++i3_outer) {
        // gradient of averagepooling2d_1
        s0_8[i3_outer] =
            gc_add(s0_8[i3_outer],
                x0[i0_i1 * 132 + i2_outer * 12 + i3_outer + 1]);
      }
      #pragma omp simd
      for (int i3_outer = 0; i3_outer < 11; ++i3_outer) {
        // gradient of averagepooling2d_1
        const float t4 = gc_mul(s0_8[i3_outer], 0.25f);
        y0_flat_row_3[i3_outer + 11] = t4;
      }
      for (int i3_outer = 0; i3_outer < 11; ++i3_outer) {
        // store y0_flat_row
        #pragma GCC unroll 2
        for (int i3_inner = 0; i3_inner < 2; ++i3_inner) {
          y0[i0_i1 * 529 + i2_outer * 46 + i3_outer * 2 + i3_inner + 23] =
              y0_flat_row_3[i3_outer + i3_inner * 11];
        }
      }
      float s0_9 = 0.0f;
      // sum_unpool
      for (int k0 = 0; k0 < 2; ++k0) {
        if (k0 * 2 < 2 && i2_outer >= k0) {
          // gradient of averagepooling2d_1
          s0_9 = gc_add(s0_9, x0[i0_i1 * 132 + i2_outer * 12 + 11 - k0 * 12]);
        }
      }
      const float t5 = gc_mul(s0_9, 0.25f);  // gradient of averagepooling2d_1
      y0[i0_i1 * 529 + i2_outer * 46 + 45] = t5;
    }
    float y0_flat_row_2[22];
    float s0_4[11];
    float s0_5[11];
    #pragma omp simd
    for (int i3_outer = 0; i3_outer < 11; ++i3_outer) {
      s0_4[i3_outer] = 0.0f;
    }
    #pragma omp simd
    for (int i3_outer = 0; i3_outer < 11; ++i3_outer) {
      // gradient of averagepooling2d_1
      s0_4[i3_outer] = gc_add(s0_4[i3_outer], x0[i0_i1 * 132 + i3_outer + 120]);
    }
    #pragma omp simd
    for (int i3_outer = 0; i3_outer < 11; ++i3_outer) {
      // gradient of averagepooling2d_1
      const float t6 = gc_mul(s0_4[i3_outer], 0.25f);
      y0_flat_row_2[i3_outer] = t6;
    }
    #pragma omp simd
    for (int i3_outer = 0; i3_outer < 11; ++i3_outer) {
      s0_5[i3_outer] = 0.0f;
    }
    #pragma omp simd
    for (int i3_outer = 0; i3_outer < 11; ++i3_outer) {
      // gradient of averagepooling2d_1
      s0_5[i3_outer] = gc_add(s0_5[i3_outer], x0[i0_i1 * 132 + i3_outer + 121]);
    }
    #pragma omp simd
    for (int i3_outer = 0; i3_outer < 11; ++i3_outer) {
      // gradient of averagepooling2d_1
      const float t7 = gc_mul(s0_5[i3_outer], 0.25f);
      y0_flat_row_2[i3_outer + 11] = t7;
    }
    for (int i3_outer = 0; i3_outer < 11; ++i3_outer) {
      // store y0_flat_row
      #pragma GCC unroll 2
      for (int i3_inner = 0; i3_inner < 2; ++i3_inner) {
        y0[i0_i1 * 529 + i3_outer * 2 + i3_inner + 506] =
            y0_flat_row_2[i3_outer + i3_inner * 11];
      }
    }
    float s0_6 = 0.0f;
    // sum_unpool
    for (int k0 = 0; k0 < 2; ++k0) {
      if (k0 >= 1) {
        // gradient of averagepooling2d_1
        s0_6 = gc_add(s0_6, x0[i0_i1 * 132 + 143 - k0 * 12]);
      }
    }
    const float t8 = gc_mul(s0_6, 0.25f);  // gradient of averagepooling2d_1
    y0[i0_i1 * 529 + 528] = t8;
  }
}
