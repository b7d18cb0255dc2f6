// k0_scan: normalised_1: gather, matmul, add, abs, max, div, tanh, mul
// all time steps in one launch, 3 stages each; a block of 32 threads takes 1
//   row of batch; columns of 3 matrices in registers; 448 bytes of shared
//   memory
// x0: U float32[20, 20]
// x1: V float32[20, 20]
// x2: W float32[3, 20]
// x3: x float32[time, batch, 20]
// n0: the size time
// y0: normalised_1/item float32[batch, 20]
// y1: normalised_1/item float32[batch, 20]
extern "C" __global__ void __launch_bounds__(32) k0_scan(
    const float* __restrict__ x0, const float* __restrict__ x1,
    const float* __restrict__ x2, const float* __restrict__ x3, int n0,
    int batch, float* y0, float* y1) {
  extern __shared__ __align__(16) unsigned char shared[];
  // the block's rows of carry 0
  float* rows0 = reinterpret_cast<float*>(shared + 0);
  // rows0 of the next step
  float* next0 = reinterpret_cast<float*>(shared + 80);
  // the block's rows of carry 1
  float* rows1 = reinterpret_cast<float*>(shared + 160);
  // rows1 of the next step
  float* next1 = reinterpret_cast<float*>(shared + 240);
  // the block's rows of carry 2
  float* rows2 = reinterpret_cast<float*>(shared + 320);
  // rows2 of the next step
  float* next2 = reinterpret_cast<float*>(shared + 336);
  // normalised_1/abs
  float* const tile0 = reinterpret_cast<float*>(shared + 352);
  // normalised_1/max
  float* const tile1 = reinterpret_cast<float*>(shared + 432);
  // The thread's row, of the block and of the batch, and its place in it.
  // Threads beyond the last row compute it again and store nothing: all have
  // to come to each barrier.
  const int own = 0;
  const bool stores = threadIdx.x < 20;
  const int unit = threadIdx.x % 20;
  const int row = blockIdx.x + own;
  float column0[20];  // of U
  #pragma unroll
  for (int r0 = 0; r0 < 20; ++r0) {
    const int i1 = r0 * 20 + unit;
    const float t2 = x0[i1];
    column0[r0] = t2;
  }
  float column1[20];  // of V
  #pragma unroll
  for (int r3 = 0; r3 < 20; ++r3) {
    const int i4 = r3 * 20 + unit;
    const float t5 = x1[i4];
    column1[r3] = t5;
  }
  float column2[3];  // of W
  #pragma unroll
  for (int r6 = 0; r6 < 3; ++r6) {
    const int i7 = r6 * 20 + unit;
    const float t8 = x2[i7];
    column2[r6] = t8;
  }
  float carry0 = 0.0f;
  if (stores) rows0[own * 20 + unit] = 0.0f;
  float carry1 = 0.0f;
  if (stores) rows1[own * 20 + unit] = 0.0f;
  if (unit < 3) {
    if (stores) rows2[own * 3 + unit] = 1.0f;
  }
  const int i9 = row * 20 + unit;
  const float t10 = x3[i9];
  float slice0 = t10;
  __syncthreads();
  for (int turn = 0; turn < n0; ++turn) {
    const int step = turn;
    const float t11 = slice0;
    const float t12 = carry0;
    const float t13 = carry1;
    if (turn + 1 < n0) {
      const int following = step + 1;
      const int i14 = (following * batch + row) * 20 + unit;
      const float t15 = x3[i14];
      slice0 = t15;
    }
    // Stage 0: normalised_1
    float s17[4] = {0, 0, 0, 0};
    #pragma unroll
    for (int r16 = 0; r16 < 20; ++r16) {
      const float t18 = rows0[own * 20 + r16];
      s17[r16 % 4] = gc_add(s17[r16 % 4], gc_mul(t18, column0[r16]));
    }
    // normalised_1
    const float t19 = gc_add(gc_add(s17[0], s17[1]), gc_add(s17[2], s17[3]));
    float s21[4] = {0, 0, 0, 0};
    #pragma unroll
    for (int r20 = 0; r20 < 20; ++r20) {
      const float t22 = rows1[own * 20 + r20];
      s21[r20 % 4] = gc_add(s21[r20 % 4], gc_mul(t22, column1[r20]));
    }
    // normalised_1
    const float t23 = gc_add(gc_add(s21[0], s21[1]), gc_add(s21[2], s21[3]));
    float t25 = 0;  // normalised_1
    #pragma unroll
    for (int r24 = 0; r24 < 3; ++r24) {
      const float t26 = rows2[own * 3 + r24];
      t25 = gc_add(t25, gc_mul(t26, column2[r24]));
    }
    if (unit < 3) {
      const float t27 = rows2[own * 3 + unit];
      const float t28 = gc_mul(t27, 0.5f);  // normalised_1
      if (stores) next2[own * 3 + unit] = t28;
    }
    const float t29 = gc_add(t11, t19);  // normalised_1
    const float t30 = gc_add(t29, t23);  // normalised_1
    const float t31 = gc_abs(t30);  // normalised_1
    const float t32 = gc_add(t13, t25);  // normalised_1
    if (stores) tile0[own * 20 + unit] = t31;
    if (stores) next1[own * 20 + unit] = t32;
    __syncthreads();
    // Stage 1: normalised_1
    if (unit < 1) {
      float a33 = gc_reduce_max::identity<float>();
      for (int r34 = 0; r34 < 20; ++r34) {
        const int i35 = row * 20 + r34;
        const int i36 = i35 % 20;
        const float t37 = tile0[own * 20 + i36];
        a33 = gc_reduce_max::combine(a33, gc_reduce_max::element(t37, r34));
      }
      const float t38 = gc_reduce_max::result(a33);
      if (stores) tile1[own] = t38;
    }
    __syncthreads();
    // Stage 2: normalised_1
    const float t39 = tile1[own];
    const float t40 = gc_div(t30, t39);  // normalised_1
    const float t41 = gc_tanh(t40);  // normalised_1
    if (stores) next0[own * 20 + unit] = t41;
    __syncthreads();
    carry0 = t41;
    carry1 = t32;
    { float* const last = rows0; rows0 = next0; next0 = last; }
    { float* const last = rows1; rows1 = next1; next1 = last; }
    { float* const last = rows2; rows2 = next2; next2 = last; }
  }
  const int i42 = row * 20 + unit;
  if (stores) y0[i42] = carry0;
  if (stores) y1[i42] = carry1;
}
