// k0_matmul: dense_1: matmul, add, maximum
// 1 product of batch x 512; tiles of rows
// x0: dense_1/x float32[batch, 784]
// x1: W float32[784, 512]
// x2: b float32[512]
// y0: dense_1/maximum float32[batch, 512]
static void k0_matmul(
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
