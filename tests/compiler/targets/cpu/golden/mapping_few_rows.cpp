void few_rows(
    const float* __restrict__ x0, const float* __restrict__ x1, float* y0) {
  #pragma omp parallel for schedule(static)
  for (int i1_outer = 0; i1_outer < 2; ++i1_outer) {
    float s0[1024];
    for (int i0 = 0; i0 < 4; ++i0) {
      #pragma omp simd
      for (int i1_inner = 0; i1_inner < 256; ++i1_inner) {
        s0[i0 * 256 + i1_inner] = 0.0f;
      }
    }
    float* const s0_parts = gc_scratch<float>(0, 4096);
    // matmul
    for (int k0_outer = 0; k0_outer < 3; ++k0_outer) {
      // start the parts of s0
      for (int i0 = 0; i0 < 4; ++i0) {
        #pragma omp simd
        for (int i1_inner = 0; i1_inner < 256; ++i1_inner) {
          s0_parts[k0_outer * 1024 + i0 * 256 + i1_inner] = 0.0f;
        }
      }
      for (int k0_inner_outer = 0; k0_inner_outer < 32; ++k0_inner_outer) {
        #pragma omp simd
        for (int i1_inner = 0; i1_inner < 256; ++i1_inner) {
          float s0_parts_tile[4];
          // copy what is there of s0_parts to s0_parts_tile
          #pragma GCC unroll 4
          for (int i0 = 0; i0 < 4; ++i0) {
            s0_parts_tile[i0] = s0_parts[k0_outer * 1024 + i1_inner + i0 * 256];
          }
          #pragma GCC unroll 8
          for (int k0_inner_inner = 0; k0_inner_inner < 8; ++k0_inner_inner) {
            #pragma GCC unroll 4
            for (int i0 = 0; i0 < 4; ++i0) {
              s0_parts_tile[i0] =
                  gc_fma(
                      x0[k0_outer * 256 + k0_inner_outer * 8 + k0_inner_inner +
                          i0 * 784],
                      x1[i1_outer * 256 + k0_outer * 131072 +
                          k0_inner_outer * 4096 + i1_inner +
                          k0_inner_inner * 512], s0_parts_tile[i0]);
            }
          }
          // store s0_parts_tile
          #pragma GCC unroll 4
          for (int i0 = 0; i0 < 4; ++i0) {
            s0_parts[k0_outer * 1024 + i1_inner + i0 * 256] = s0_parts_tile[i0];
          }
        }
      }
    }
    // start the parts of s0
    for (int i0 = 0; i0 < 4; ++i0) {
      #pragma omp simd
      for (int i1_inner = 0; i1_inner < 256; ++i1_inner) {
        s0_parts[i0 * 256 + i1_inner + 3072] = 0.0f;
      }
    }
    for (int k0_inner_2_outer = 0; k0_inner_2_outer < 2; ++k0_inner_2_outer) {
      #pragma omp simd
      for (int i1_inner = 0; i1_inner < 256; ++i1_inner) {
        float s0_parts_tile_2[4];
        // copy what is there of s0_parts to s0_parts_tile_2
        #pragma GCC unroll 4
        for (int i0 = 0; i0 < 4; ++i0) {
          s0_parts_tile_2[i0] = s0_parts[i1_inner + i0 * 256 + 3072];
        }
        #pragma GCC unroll 8
        for (int k0_inner_2_inner = 0; k0_inner_2_inner < 8;
            ++k0_inner_2_inner) {
          #pragma GCC unroll 4
          for (int i0 = 0; i0 < 4; ++i0) {
            s0_parts_tile_2[i0] =
                gc_fma(
                    x0[k0_inner_2_outer * 8 + k0_inner_2_inner + i0 * 784 +
                        768],
                    x1[i1_outer * 256 + k0_inner_2_outer * 4096 + i1_inner +
                        k0_inner_2_inner * 512 + 393216], s0_parts_tile_2[i0]);
          }
        }
        // store s0_parts_tile_2
        #pragma GCC unroll 4
        for (int i0 = 0; i0 < 4; ++i0) {
          s0_parts[i1_inner + i0 * 256 + 3072] = s0_parts_tile_2[i0];
        }
      }
    }
    // combine the parts of s0
    for (int s0_part = 0; s0_part < 4; ++s0_part) {
      for (int i0 = 0; i0 < 4; ++i0) {
        #pragma omp simd
        for (int i1_inner = 0; i1_inner < 256; ++i1_inner) {
          s0[i0 * 256 + i1_inner] =
              gc_add(s0[i0 * 256 + i1_inner],
                  s0_parts[s0_part * 1024 + i0 * 256 + i1_inner]);
        }
      }
    }
    for (int i0 = 0; i0 < 4; ++i0) {
      #pragma omp simd
      for (int i1_inner = 0; i1_inner < 256; ++i1_inner) {
        y0[i1_outer * 256 + i0 * 512 + i1_inner] = s0[i0 * 256 + i1_inner];
      }
    }
  }
}
