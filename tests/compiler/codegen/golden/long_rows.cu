// k0_rows: layer_normalization_1: sum, div, sub, mul, add, sqrt
// batch rows of 2048; a block of 128 threads a row, packs of four
// x0: layer_normalization_1/input float32[batch, 2048]
// x1: layer_normalization_1/input float32[2048]
// y0: layer_normalization_1/mul float32[batch, 2048]
// y1: layer_normalization_1/reshape float32[batch]
// y2: layer_normalization_1/reshape float32[batch]
extern "C" __global__ void __launch_bounds__(128, 1) k0_rows(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    float* y0, float* y1, float* y2) {
  const int thread = threadIdx.x;
  __shared__ float a0_warps[4];
  __shared__ float a6_warps[4];
  const int rows = batch;
  for (int row = blockIdx.x; row < rows; row += gridDim.x) {
    // walk 1 of 3: sum
    float e3[16];
    float a0 = gc_reduce_sum::identity<float>();
    #pragma unroll
    for (int turn = 0; turn < 4; ++turn) {
      const int pack = thread + 128 * turn;
      const int first_column = 4 * pack;
      const int first = row * 2048 + first_column;
      const gc_pack<float> pack_x0 = gc_load_pack(x0, first, first + 4);
      #pragma unroll
      for (int part = 0; part < 4; ++part) {
        const float t2 = pack_x0.of[part];
        a0 = gc_reduce_sum::combine(a0, t2);
        e3[4 * turn + part] = t2;
      }
    }
    // layer_normalization_1
    const float t1 =
        gc_reduce_sum::result(
            gc_reduce_block<gc_reduce_sum, 128>(a0, a0_warps));

    // walk 2 of 3: sum
    const float t4 = gc_cast<float>(2048);
    const float t5 = gc_div(t1, t4);  // layer_normalization_1
    float e10[16];
    float a6 = gc_reduce_sum::identity<float>();
    #pragma unroll
    for (int turn = 0; turn < 4; ++turn) {
      #pragma unroll
      for (int part = 0; part < 4; ++part) {
        // layer_normalization_1
        const float t8 = gc_sub(e3[4 * turn + part], t5);
        const float t9 = gc_mul(t8, t8);  // layer_normalization_1
        a6 = gc_reduce_sum::combine(a6, t9);
        e10[4 * turn + part] = t8;
      }
    }
    // layer_normalization_1
    const float t7 =
        gc_reduce_sum::result(
            gc_reduce_block<gc_reduce_sum, 128>(a6, a6_warps));

    // walk 3 of 3: results
    const float t11 = gc_cast<float>(2048);
    const float t12 = gc_div(t7, t11);  // layer_normalization_1
    const float t13 = gc_add(t12, 0.001f);  // layer_normalization_1
    const float t14 = gc_sqrt(t13);  // layer_normalization_1
    #pragma unroll
    for (int turn = 0; turn < 4; ++turn) {
      const int pack = thread + 128 * turn;
      const int first_column = 4 * pack;
      const int first = row * 2048 + first_column;
      const gc_pack<float> column_x1 =
          gc_load_pack(x1, first_column, first_column + 4);
      gc_pack<float> new_y0;
      #pragma unroll
      for (int part = 0; part < 4; ++part) {
        // layer_normalization_1
        const float t15 = gc_div(e10[4 * turn + part], t14);
        // layer_normalization_1
        const float t16 = gc_mul(t15, column_x1.of[part]);
        new_y0.of[part] = t16;
      }
      gc_store_pack(y0, first, first + 4, new_y0);
    }

    if (thread == 0) {
      y1[row] = t5;
      y2[row] = t14;
    }
    __syncthreads();  // the next row uses the same shared memory
  }
}
