// k0_columns: gradient of dense_1: sum
// 512 rows of batch
// x0: gradient of dense_1/cotangents float32[batch, 512]
// y0: gradient of dense_1/sum float32[512]
static void k0_columns(
    int batch, const float* __restrict__ x0, float* y0) {
  #pragma omp parallel for schedule(static) if (512 * batch >= 65536)
  for (int tile = 0; tile < 512; tile += 64) {
    const int width = 512 - tile < 64 ? 512 - tile : 64;
    // sum
    float a2[64];
    for (int lane = 0; lane < width; ++lane) a2[lane] =
        gc_reduce_sum::identity<float>();
    for (int chunk_q0 = 0; chunk_q0 < batch; chunk_q0 += 512) {
      const int end_q0 = batch - chunk_q0 < 512 ? batch : chunk_q0 + 512;
      float part_a2[64];
      for (int lane = 0; lane < width; ++lane) part_a2[lane] =
          gc_reduce_sum::identity<float>();
      for (int q0 = chunk_q0; q0 < end_q0; ++q0) {
        #pragma omp simd
        for (int lane = 0; lane < width; ++lane) {
          const int p1 = tile + lane;
          const int i = q0 * 512 + p1;
          const float t4 = x0[i];
          part_a2[lane] = gc_reduce_sum::combine(part_a2[lane], t4);
        }
      }
      for (int lane = 0; lane < width; ++lane) {
        a2[lane] = gc_reduce_sum::combine(a2[lane], part_a2[lane]);
      }
    }
    float of_t3[64];
    #pragma omp simd
    for (int lane = 0; lane < width; ++lane) {
      const int p1 = tile + lane;
      const float t3 = gc_reduce_sum::result(a2[lane]);  // gradient of dense_1
      of_t3[lane] = t3;
    }
    #pragma omp simd
    for (int lane = 0; lane < width; ++lane) {
      const int p1 = tile + lane;
      const float t3 = of_t3[lane];
      const int row = p1;
      y0[row] = t3;
    }
  }
}
