void panels_of_unknown_columns(
    int batch, int n0, const float* __restrict__ x0,
    const float* __restrict__ x1, float* y0) {
  if (batch < 5) {
    #pragma omp parallel for schedule(static) \
        if ((gc_int64)102 * batch * n0 >= 65536)
    for (int i1_outer = 0; i1_outer < (n0 + 511) / 512; ++i1_outer) {
      for (int i0_outer = 0; i0_outer < (batch + 3) / 4; ++i0_outer) {
        float s0[2048];
        const int end_of_i0_inner = gc_minimum(4, batch - i0_outer * 4);
        for (int i0_inner = 0; i0_inner < end_of_i0_inner; ++i0_inner) {
          const int end_of_i1_inner = gc_minimum(512, n0 - i1_outer * 512);
          #pragma omp simd
          for (int i1_inner = 0; i1_inner < end_of_i1_inner; ++i1_inner) {
            s0[i0_inner * 512 + i1_inner] = 0.0f;
          }
        }
        // matmul
        for (int k0_outer = 0; k0_outer < 12; ++k0_outer) {
          const int end_of_i0_inner_2 = gc_minimum(4, batch - i0_outer * 4);
          for (int i0_inner_2 = 0; i0_inner_2 < end_of_i0_inner_2;
              ++i0_inner_2) {
            const int end_of_i1_inner = gc_minimum(512, n0 - i1_outer * 512);
            #pragma omp simd
            for (int i1_inner = 0; i1_inner < end_of_i1_inner; ++i1_inner) {
              float s0_tile = s0[i0_inner_2 * 512 + i1_inner];
              #pragma GCC unroll 8
              for (int k0_inner = 0; k0_inner < 8; ++k0_inner) {
                s0_tile =
                    gc_fma(
                        x0[i0_outer * 400 + k0_outer * 8 + i0_inner_2 * 100 +
                            k0_inner],
                        x1[i1_outer * 512 + k0_outer * (8 * n0) + i1_inner +
                            k0_inner * n0], s0_tile);
              }
              s0[i0_inner_2 * 512 + i1_inner] = s0_tile;
            }
          }
        }
        const int end_of_i0_inner_2 = gc_minimum(4, batch - i0_outer * 4);
        for (int i0_inner_2 = 0; i0_inner_2 < end_of_i0_inner_2; ++i0_inner_2) {
          const int end_of_i1_inner = gc_minimum(512, n0 - i1_outer * 512);
          #pragma omp simd
          for (int i1_inner = 0; i1_inner < end_of_i1_inner; ++i1_inner) {
            float s0_tile_2 = s0[i0_inner_2 * 512 + i1_inner];
            // matmul
            #pragma GCC unroll 4
            for (int k0_rest = 0; k0_rest < 4; ++k0_rest) {
              s0_tile_2 =
                  gc_fma(x0[i0_outer * 400 + i0_inner_2 * 100 + k0_rest + 96],
                      x1[i1_outer * 512 + i1_inner + k0_rest * n0 + 96 * n0],
                      s0_tile_2);
            }
            s0[i0_inner_2 * 512 + i1_inner] = s0_tile_2;
          }
        }
        const int end_of_i0_inner_3 = gc_minimum(4, batch - i0_outer * 4);
        for (int i0_inner_3 = 0; i0_inner_3 < end_of_i0_inner_3; ++i0_inner_3) {
          const int end_of_i1_inner = gc_minimum(512, n0 - i1_outer * 512);
          #pragma omp simd
          for (int i1_inner = 0; i1_inner < end_of_i1_inner; ++i1_inner) {
            y0[i1_outer * 512 + i0_outer * (4 * n0) + i0_inner_3 * n0 +
                i1_inner] = s0[i0_inner_3 * 512 + i1_inner];
          }
        }
      }
    }
  } else {
    if (n0 >= 256 && batch < 33) {
      #pragma omp parallel for schedule(static) \
          if ((gc_int64)3 * batch * n0 >= 65536)
      for (int i1_outer = 0; i1_outer < n0 / 32; ++i1_outer) {
        for (int i0_outer = 0; i0_outer < (batch + 127) / 128; ++i0_outer) {
          gc_panel_product_and_fetch(batch - i0_outer * 128, 32, 100,
              y0 + i1_outer * 32 + i0_outer * (128 * n0), n0,
              x0 + i0_outer * 12800, 100, x1 + i1_outer * 32, n0);
        }
      }
      for (int i0_2_outer = 0; i0_2_outer < (batch + 127) / 128; ++i0_2_outer) {
        gc_panel_product_and_fetch(batch - i0_2_outer * 128, 32, 100,
            y0 + i0_2_outer * (128 * n0) + n0 - 32, n0, x0 + i0_2_outer * 12800,
            100, x1 + n0 - 32, n0);
      }
    } else {
      float* const panels = gc_scratch<float>(0, 3200 * ((n0 + 31) / 32));
      // copy what is read of x1 to panels
      #pragma omp parallel for schedule(static) if ((gc_int64)100 * n0 >= 65536)
      for (int panels_axis1_outer_below = 0; panels_axis1_outer_below < n0 / 32;
          ++panels_axis1_outer_below) {
        for (int panels_axis0 = 0; panels_axis0 < 100; ++panels_axis0) {
          #pragma omp simd
          for (int panels_axis1_inner = 0; panels_axis1_inner < 32;
              ++panels_axis1_inner) {
            panels[panels_axis1_outer_below * 3200 + panels_axis0 * 32 +
                panels_axis1_inner] =
                x1[panels_axis1_outer_below * 32 + panels_axis0 * n0 +
                    panels_axis1_inner];
          }
        }
      }
      // copy what is read of x1 to panels
      for (int panels_axis1_outer_behind = 0;
          panels_axis1_outer_behind < (n0 + 31) / 32 - n0 / 32;
          ++panels_axis1_outer_behind) {
        for (int panels_axis0 = 0; panels_axis0 < 100; ++panels_axis0) {
          #pragma omp simd
          for (int panels_axis1_inner = 0;
              panels_axis1_inner < n0 - panels_axis1_outer_behind * 32 -
              32 * (n0 / 32); ++panels_axis1_inner) {
            panels[panels_axis1_outer_behind * 3200 + panels_axis0 * 32 +
                panels_axis1_inner + 3200 * (n0 / 32)] =
                x1[panels_axis1_outer_behind * 32 + panels_axis0 * n0 +
                    panels_axis1_inner + 32 * (n0 / 32)];
          }
        }
      }
      #pragma omp parallel for schedule(static) \
          if ((gc_int64)3 * batch * n0 >= 65536)
      for (int i0_outer_i1_outer = 0;
          i0_outer_i1_outer < (batch + 127) / 128 * ((n0 + 31) / 32);
          ++i0_outer_i1_outer) {
        gc_panel_product(batch - i0_outer_i1_outer / ((n0 + 31) / 32) * 128,
            n0 - i0_outer_i1_outer % ((n0 + 31) / 32) * 32, 100,
            y0 + i0_outer_i1_outer / ((n0 + 31) / 32) * (128 * n0) +
            i0_outer_i1_outer % ((n0 + 31) / 32) * 32, n0,
            x0 + i0_outer_i1_outer / ((n0 + 31) / 32) * 12800, 100,
            panels + i0_outer_i1_outer % ((n0 + 31) / 32) * 3200, 32);
      }
    }
  }
}
