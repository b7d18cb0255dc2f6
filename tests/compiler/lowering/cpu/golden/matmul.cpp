// k0_matmul: dense_1: matmul, add, maximum
// batch x 512 elements, few rows or panels of one matrix
// x0: dense_1/x float32[batch, 784]
// x1: W float32[784, 512]
// x2: b float32[512]
// y0: dense_1/maximum float32[batch, 512]
void k0_matmul(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    const float* __restrict__ x2, float* y0) {
  if (batch < 5) {
    #pragma omp parallel for schedule(static) \
        if ((gc_int64)406528 * batch >= 65536)
    for (int i1_outer = 0; i1_outer < 2; ++i1_outer) {
      for (int i0_outer = 0; i0_outer < (batch + 3) / 4; ++i0_outer) {
        float s0[1024];
        const int end_of_i0_inner = gc_minimum(4, batch - i0_outer * 4);
        for (int i0_inner = 0; i0_inner < end_of_i0_inner; ++i0_inner) {
          #pragma omp simd
          for (int i1_inner = 0; i1_inner < 256; ++i1_inner) {
            s0[i0_inner * 256 + i1_inner] = 0.0f;
          }
        }
        float* const s0_parts = gc_scratch<float>(0, 4096);
        // matmul
        for (int k0_outer = 0; k0_outer < 3; ++k0_outer) {
          // start the parts of s0
          const int end_of_i0_inner_2 = gc_minimum(4, batch - i0_outer * 4);
          for (int i0_inner_2 = 0; i0_inner_2 < end_of_i0_inner_2;
              ++i0_inner_2) {
            #pragma omp simd
            for (int i1_inner = 0; i1_inner < 256; ++i1_inner) {
              s0_parts[k0_outer * 1024 + i0_inner_2 * 256 + i1_inner] = 0.0f;
            }
          }
          for (int k0_inner_outer = 0; k0_inner_outer < 32; ++k0_inner_outer) {
            const int end_of_i0_inner_3 = gc_minimum(4, batch - i0_outer * 4);
            for (int i0_inner_3 = 0; i0_inner_3 < end_of_i0_inner_3;
                ++i0_inner_3) {
              #pragma omp simd
              for (int i1_inner = 0; i1_inner < 256; ++i1_inner) {
                float s0_parts_tile =
                    s0_parts[k0_outer * 1024 + i0_inner_3 * 256 + i1_inner];
                #pragma GCC unroll 8
                for (int k0_inner_inner = 0; k0_inner_inner < 8;
                    ++k0_inner_inner) {
                  s0_parts_tile =
                      gc_fma(
                          x0[i0_outer * 3136 + k0_outer * 256 +
                              k0_inner_outer * 8 + i0_inner_3 * 784 +
                              k0_inner_inner],
                          x1[i1_outer * 256 + k0_outer * 131072 +
                              k0_inner_outer * 4096 + i1_inner +
                              k0_inner_inner * 512], s0_parts_tile);
                }
                s0_parts[k0_outer * 1024 + i0_inner_3 * 256 + i1_inner] =
                    s0_parts_tile;
              }
            }
          }
        }
        // start the parts of s0
        const int end_of_i0_inner_2 = gc_minimum(4, batch - i0_outer * 4);
        for (int i0_inner_2 = 0; i0_inner_2 < end_of_i0_inner_2; ++i0_inner_2) {
          #pragma omp simd
          for (int i1_inner = 0; i1_inner < 256; ++i1_inner) {
            s0_parts[i0_inner_2 * 256 + i1_inner + 3072] = 0.0f;
          }
        }
        for (int k0_inner_2_outer = 0; k0_inner_2_outer < 2;
            ++k0_inner_2_outer) {
          const int end_of_i0_inner_3 = gc_minimum(4, batch - i0_outer * 4);
          for (int i0_inner_3 = 0; i0_inner_3 < end_of_i0_inner_3;
              ++i0_inner_3) {
            #pragma omp simd
            for (int i1_inner = 0; i1_inner < 256; ++i1_inner) {
              float s0_parts_tile_2 =
                  s0_parts[i0_inner_3 * 256 + i1_inner + 3072];
              #pragma GCC unroll 8
              for (int k0_inner_2_inner = 0; k0_inner_2_inner < 8;
                  ++k0_inner_2_inner) {
                s0_parts_tile_2 =
                    gc_fma(
                        x0[i0_outer * 3136 + k0_inner_2_outer * 8 +
                            i0_inner_3 * 784 + k0_inner_2_inner + 768],
                        x1[i1_outer * 256 + k0_inner_2_outer * 4096 + i1_inner +
                            k0_inner_2_inner * 512 + 393216], s0_parts_tile_2);
              }
              s0_parts[i0_inner_3 * 256 + i1_inner + 3072] = s0_parts_tile_2;
            }
          }
        }
        // combine the parts of s0
        for (int s0_part = 0; s0_part < 4; ++s0_part) {
          const int end_of_i0_inner_3 = gc_minimum(4, batch - i0_outer * 4);
          for (int i0_inner_3 = 0; i0_inner_3 < end_of_i0_inner_3;
              ++i0_inner_3) {
            #pragma omp simd
            for (int i1_inner = 0; i1_inner < 256; ++i1_inner) {
              s0[i0_inner_3 * 256 + i1_inner] =
                  gc_add(s0[i0_inner_3 * 256 + i1_inner],
                      s0_parts[s0_part * 1024 + i0_inner_3 * 256 + i1_inner]);
            }
          }
        }
        const int end_of_i0_inner_3 = gc_minimum(4, batch - i0_outer * 4);
        for (int i0_inner_3 = 0; i0_inner_3 < end_of_i0_inner_3; ++i0_inner_3) {
          #pragma omp simd
          for (int i1_inner = 0; i1_inner < 256; ++i1_inner) {
            const float t0 =
                gc_add(s0[i0_inner_3 * 256 + i1_inner],
                    x2[i1_outer * 256 + i1_inner]);  // dense_1
            const float t1 = gc_maximum(t0, 0.0f);  // dense_1
            y0[i1_outer * 256 + i0_outer * 2048 + i0_inner_3 * 512 + i1_inner] =
                t1;
          }
        }
      }
    }
  } else {
    if (batch < 17) {
      for (int i0_outer = 0; i0_outer < (batch + 15) / 16; ++i0_outer) {
        #pragma omp parallel for schedule(static)
        for (int i1_outer = 0; i1_outer < 16; ++i1_outer) {
          float* const s0_2 = gc_scratch<float>(0, 512);
          const int end_of_i0_inner = gc_minimum(16, batch - i0_outer * 16);
          for (int i0_inner = 0; i0_inner < end_of_i0_inner; ++i0_inner) {
            #pragma omp simd
            for (int i1_inner = 0; i1_inner < 32; ++i1_inner) {
              s0_2[i0_inner * 32 + i1_inner] = 0.0f;
            }
          }
          // matmul
          for (int k0_outer = 0; k0_outer < 4; ++k0_outer) {
            gc_panel_product_and_fetch<GC_ADDED, 16>(batch - i0_outer * 16, 32,
                784 - k0_outer * 256, s0_2, 32,
                x0 + i0_outer * 12544 + k0_outer * 256, 784,
                x1 + i1_outer * 32 + k0_outer * 131072, 512);
          }
          const int end_of_i0_inner_2 = gc_minimum(16, batch - i0_outer * 16);
          for (int i0_inner_2 = 0; i0_inner_2 < end_of_i0_inner_2;
              ++i0_inner_2) {
            #pragma omp simd
            for (int i1_inner = 0; i1_inner < 32; ++i1_inner) {
              const float t2 =
                  gc_add(s0_2[i0_inner_2 * 32 + i1_inner],
                      x2[i1_outer * 32 + i1_inner]);  // dense_1
              const float t3 = gc_maximum(t2, 0.0f);  // dense_1
              y0[i0_outer * 8192 + i1_outer * 32 + i0_inner_2 * 512 +
                  i1_inner] = t3;
            }
          }
        }
      }
    } else {
      for (int i0_outer = 0; i0_outer < (batch + 127) / 128; ++i0_outer) {
        float* const s0_3 = gc_scratch<float>(0, 65536);
        #pragma omp parallel for schedule(static)
        for (int i1_2_outer = 0; i1_2_outer < 16; ++i1_2_outer) {
          float* const panel = gc_scratch<float>(1, 8192);
          // copy what is read of x1 to panel
          for (int panel_axis0 = 0; panel_axis0 < 256; ++panel_axis0) {
            #pragma omp simd
            for (int panel_axis1 = 0; panel_axis1 < 32; ++panel_axis1) {
              panel[panel_axis0 * 32 + panel_axis1] =
                  x1[i1_2_outer * 32 + panel_axis0 * 512 + panel_axis1];
            }
          }
          gc_panel_product(batch - i0_outer * 128, 32, 256,
              s0_3 + i1_2_outer * 32, 512, x0 + i0_outer * 100352, 784, panel,
              32);
        }
        // matmul
        for (int k0_outer_behind_below = 0; k0_outer_behind_below < 2;
            ++k0_outer_behind_below) {
          #pragma omp parallel for schedule(static)
          for (int i1_2_outer = 0; i1_2_outer < 16; ++i1_2_outer) {
            float* const next_panel = gc_scratch<float>(1, 8192);
            // copy what is read of x1 to next_panel
            for (int next_panel_axis0 = 0; next_panel_axis0 < 256;
                ++next_panel_axis0) {
              #pragma omp simd
              for (int next_panel_axis1 = 0; next_panel_axis1 < 32;
                  ++next_panel_axis1) {
                next_panel[next_panel_axis0 * 32 + next_panel_axis1] =
                    x1[k0_outer_behind_below * 131072 + i1_2_outer * 32 +
                        next_panel_axis0 * 512 + next_panel_axis1 + 131072];
              }
            }
            gc_panel_product<GC_ADDED>(batch - i0_outer * 128, 32, 256,
                s0_3 + i1_2_outer * 32, 512,
                x0 + i0_outer * 100352 + k0_outer_behind_below * 256 + 256, 784,
                next_panel, 32);
          }
        }
        #pragma omp parallel for schedule(static)
        for (int i1_2_outer = 0; i1_2_outer < 16; ++i1_2_outer) {
          float* const last_panel = gc_scratch<float>(1, 512);
          // copy what is read of x1 to last_panel
          for (int last_panel_axis0 = 0; last_panel_axis0 < 16;
              ++last_panel_axis0) {
            #pragma omp simd
            for (int last_panel_axis1 = 0; last_panel_axis1 < 32;
                ++last_panel_axis1) {
              last_panel[last_panel_axis0 * 32 + last_panel_axis1] =
                  x1[i1_2_outer * 32 + last_panel_axis0 * 512 +
                      last_panel_axis1 + 393216];
            }
          }
          gc_panel_product<GC_ADDED>(batch - i0_outer * 128, 32, 16,
              s0_3 + i1_2_outer * 32, 512, x0 + i0_outer * 100352 + 768, 784,
              last_panel, 32);
          const int end_of_i0_inner = gc_minimum(128, batch - i0_outer * 128);
          for (int i0_inner = 0; i0_inner < end_of_i0_inner; ++i0_inner) {
            #pragma omp simd
            for (int i1_3_inner = 0; i1_3_inner < 32; ++i1_3_inner) {
              const float t4 =
                  gc_add(s0_3[i1_2_outer * 32 + i0_inner * 512 + i1_3_inner],
                      x2[i1_2_outer * 32 + i1_3_inner]);  // dense_1
              const float t5 = gc_maximum(t4, 0.0f);  // dense_1
              y0[i0_outer * 65536 + i1_2_outer * 32 + i0_inner * 512 +
                  i1_3_inner] = t5;
            }
          }
        }
      }
    }
  }
}
