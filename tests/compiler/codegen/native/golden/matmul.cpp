// k0_matmul: dense_1: matmul, add, maximum
// batch x 512 elements, few rows
// x0: dense_1/x float32[batch, 784]
// x1: W float32[784, 512]
// x2: b float32[512]
// y0: dense_1/maximum float32[batch, 512]
static void k0_matmul(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    const float* __restrict__ x2, float* y0) {
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
      for (int k0_outer = 0; k0_outer < 3; ++k0_outer) {
        const int end_of_i0_inner13 = gc_minimum(4, batch - i0_outer * 4);
        for (int i0_inner13 = 0; i0_inner13 < end_of_i0_inner13; ++i0_inner13) {
          #pragma omp simd
          for (int i1_inner13 = 0; i1_inner13 < 256; ++i1_inner13) {
            s0_parts[k0_outer * 1024 + i0_inner13 * 256 + i1_inner13] = 0.0f;
          }
        }
        // matmul
        for (int k0_inner_outer = 0; k0_inner_outer < 32; ++k0_inner_outer) {
          const int end_of_i0_inner1 = gc_minimum(4, batch - i0_outer * 4);
          for (int i0_inner1 = 0; i0_inner1 < end_of_i0_inner1; ++i0_inner1) {
            #pragma omp simd
            for (int i1_inner1 = 0; i1_inner1 < 256; ++i1_inner1) {
              float s0_parts_tile;
              s0_parts_tile =
                  s0_parts[k0_outer * 1024 + i0_inner1 * 256 + i1_inner1];
              // matmul
              #pragma GCC unroll 8
              for (int k0_inner_inner = 0; k0_inner_inner < 8;
                  ++k0_inner_inner) {
                s0_parts_tile =
                    gc_fma(
                        x0[i0_outer * 3136 + k0_outer * 256 +
                        k0_inner_outer * 8 + i0_inner1 * 784 + k0_inner_inner],
                        x1[i1_outer * 256 + k0_outer * 131072 +
                        k0_inner_outer * 4096 + i1_inner1 +
                        k0_inner_inner * 512], s0_parts_tile);
              }
              s0_parts[k0_outer * 1024 + i0_inner1 * 256 + i1_inner1] =
                  s0_parts_tile;
            }
          }
        }
      }
      const int end_of_i0_inner131 = gc_minimum(4, batch - i0_outer * 4);
      for (int i0_inner131 = 0; i0_inner131 < end_of_i0_inner131;
          ++i0_inner131) {
        #pragma omp simd
        for (int i1_inner131 = 0; i1_inner131 < 256; ++i1_inner131) {
          s0_parts[i0_inner131 * 256 + i1_inner131 + 3072] = 0.0f;
        }
      }
      // matmul
      for (int k0_inner1_outer = 0; k0_inner1_outer < 2; ++k0_inner1_outer) {
        const int end_of_i0_inner12 = gc_minimum(4, batch - i0_outer * 4);
        for (int i0_inner12 = 0; i0_inner12 < end_of_i0_inner12; ++i0_inner12) {
          #pragma omp simd
          for (int i1_inner12 = 0; i1_inner12 < 256; ++i1_inner12) {
            float s0_parts_tile1;
            s0_parts_tile1 = s0_parts[i0_inner12 * 256 + i1_inner12 + 3072];
            // matmul
            #pragma GCC unroll 8
            for (int k0_inner1_inner = 0; k0_inner1_inner < 8;
                ++k0_inner1_inner) {
              s0_parts_tile1 =
                  gc_fma(
                      x0[i0_outer * 3136 + k0_inner1_outer * 8 +
                      i0_inner12 * 784 + k0_inner1_inner + 768],
                      x1[i1_outer * 256 + k0_inner1_outer * 4096 + i1_inner12 +
                      k0_inner1_inner * 512 + 393216], s0_parts_tile1);
            }
            s0_parts[i0_inner12 * 256 + i1_inner12 + 3072] = s0_parts_tile1;
          }
        }
      }
      for (int s0_part1 = 0; s0_part1 < 4; ++s0_part1) {
        const int end_of_i0_inner14 = gc_minimum(4, batch - i0_outer * 4);
        for (int i0_inner14 = 0; i0_inner14 < end_of_i0_inner14; ++i0_inner14) {
          #pragma omp simd
          for (int i1_inner14 = 0; i1_inner14 < 256; ++i1_inner14) {
            s0[i0_inner14 * 256 + i1_inner14] =
                gc_add(s0[i0_inner14 * 256 + i1_inner14],
                    s0_parts[s0_part1 * 1024 + i0_inner14 * 256 + i1_inner14]);
          }
        }
      }
      const int end_of_i0_inner11 = gc_minimum(4, batch - i0_outer * 4);
      for (int i0_inner11 = 0; i0_inner11 < end_of_i0_inner11; ++i0_inner11) {
        #pragma omp simd
        for (int i1_inner11 = 0; i1_inner11 < 256; ++i1_inner11) {
          const float t0 =
              gc_add(s0[i0_inner11 * 256 + i1_inner11],
                  x2[i1_outer * 256 + i1_inner11]);  // dense_1
          const float t1 = gc_maximum(t0, 0.0f);  // dense_1
          y0[i1_outer * 256 + i0_outer * 2048 + i0_inner11 * 512 + i1_inner11] =
              t1;
        }
      }
    }
  }
}

// k1_matmul: dense_1: matmul, add, maximum
// 1 product of batch x 512; tiles of rows
// x0: dense_1/x float32[batch, 784]
// x1: W float32[784, 512]
// x2: b float32[512]
// y0: dense_1/maximum float32[batch, 512]
static void k1_matmul(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    const float* __restrict__ x2, float* y0) {
  float* panels0 =
      gc_scratch<float>(GC_PANELS, gc_gemm_right_size<float>(512, 784));
  #pragma omp parallel if ((gc_int64)batch * 512 * 784 >= 524288)
  {
    gc_gemm_right_of<float>(batch, 512, 784, x1, 512, 1, panels0);
    #pragma omp barrier
    const gc_rows mine = gc_rows_of_thread(batch, 96);
    for (int tile = mine.begin; tile < mine.end; tile += mine.height) {
      const int rows =
          mine.end - tile < mine.height ? mine.end - tile : mine.height;
      const int first = tile;
      float* s0 = gc_scratch<float>(GC_SUMS, (size_t)rows * 512);
      gc_gemm_rows<float>(batch, rows, 512, 784, x0 + tile * 784, 784, 1, x1,
          512, 1, panels0, s0, 512);
      {
        for (int p0 = first; p0 < first + rows; ++p0) {
          #pragma omp simd
          for (int p1 = 0; p1 < 512; ++p1) {
            const int i2 = p0 * 512 + p1;
            const float t3 = x2[p1];
            const float t4 = gc_add(s0[i2 - (first * 512)], t3);  // dense_1
            const float t5 = gc_maximum(t4, 0.0f);  // dense_1
            y0[i2] = t5;
          }
        }
      }
    }
  }
}
