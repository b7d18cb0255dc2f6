// k0_rows: dense_3, categorical_crossentropy: add, max, sub, exp, sum, div,
//   log, mul, neg
// batch rows of 10; 16 lanes of a warp a row
// x0: dense_3/product float32[batch, 10]
// x1: dense_3/bias float32[10]
// x2: targets float32[batch, 10]
// y0: categorical_crossentropy/div float32[batch, 10]
// y1: categorical_crossentropy/neg float32[batch]
extern "C" __global__ void __launch_bounds__(128, 1) k0_rows(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    const float* __restrict__ x2, float* y0, float* y1) {
  const int column = threadIdx.x % 16;
  const int rows = batch;
  const int warp = (blockIdx.x * 128 + threadIdx.x) / 32;
  // 2 rows a warp. Lanes without one repeat the last one and store nothing.
  for (int base = 2 * warp; base < rows; base += 8 * gridDim.x) {
    const int own = base + threadIdx.x % 32 / 16;
    const int row = min(own, rows - 1);
    // walk 1 of 3: max
    float e5[1];
    float a0 = gc_reduce_max::identity<float>();
    if (column < 10) {
      const int i = row * 10 + column;
      const float t2 = x0[i];
      const float t3 = x1[column];
      const float t4 = gc_add(t2, t3);  // dense_3
      a0 = gc_reduce_max::combine(a0, t4);
      e5[0] = t4;
    }
    // dense_3
    const float t1 =
        gc_reduce_max::result(gc_reduce_lanes<gc_reduce_max, 16>(a0));

    // walk 2 of 3: sum
    float e10[1];
    float a6 = gc_reduce_sum::identity<float>();
    if (column < 10) {
      const float t8 = gc_sub(e5[0], t1);  // dense_3
      const float t9 = gc_exp(t8);  // dense_3
      a6 = gc_reduce_sum::combine(a6, t9);
      e10[0] = t9;
    }
    // dense_3
    const float t7 =
        gc_reduce_sum::result(gc_reduce_lanes<gc_reduce_sum, 16>(a6));

    // walk 3 of 3: sum, results
    const gc_int64 t11 = batch;
    const float t12 = gc_cast<float>(t11);
    float a13 = gc_reduce_sum::identity<float>();
    if (column < 10) {
      const int i = row * 10 + column;
      const float t15 = x2[i];
      const float t16 = gc_div(e10[0], t7);  // dense_3
      const float t17 = gc_log(t16);  // categorical_crossentropy
      const float t18 = gc_mul(t15, t17);  // categorical_crossentropy
      const float t19 = gc_sub(t16, t15);  // categorical_crossentropy
      const float t20 = gc_div(t19, t12);  // categorical_crossentropy
      a13 = gc_reduce_sum::combine(a13, t18);
      if (own < rows) y0[i] = t20;
    }
    // categorical_crossentropy
    const float t14 =
        gc_reduce_sum::result(gc_reduce_lanes<gc_reduce_sum, 16>(a13));

    if (column == 0 && own < rows) {
      const float t21 = gc_neg(t14);  // categorical_crossentropy
      y1[row] = t21;
    }
  }
}
