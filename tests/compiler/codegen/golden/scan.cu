// k0_scan: gru_1: gather, matmul, add, sigmoid, mul, sub, tanh
// all time steps in one launch, 2 stages each; a block of 32 threads takes 1
//   row of batch; columns of 3 matrices in registers; 240 bytes of shared
//   memory
// x0: gru_1_U_z float32[20, 20]
// x1: gru_1_U_r float32[20, 20]
// x2: gru_1_U_h float32[20, 20]
// x3: x_r float32[time, batch, 20]
// n0: the size time
// x4: x_z float32[time, batch, 20]
// x5: x_h float32[time, batch, 20]
// y0: gru_1/item float32[batch, 20]
extern "C" __global__ void __launch_bounds__(32) k0_scan(
    const float* __restrict__ x0, const float* __restrict__ x1,
    const float* __restrict__ x2, const float* __restrict__ x3, int n0,
    int batch, const float* __restrict__ x4, const float* __restrict__ x5,
    float* y0) {
  extern __shared__ __align__(16) unsigned char shared[];
  // the block's rows of carry 0
  float* rows0 = reinterpret_cast<float*>(shared + 0);
  // rows0 of the next step
  float* next0 = reinterpret_cast<float*>(shared + 80);
  float* const tile0 = reinterpret_cast<float*>(shared + 160);  // gru_1/mul
  // The thread's row, of the block and of the batch, and its place in it.
  // Threads beyond the last row compute it again and store nothing: all have
  // to come to each barrier.
  const int own = 0;
  const bool stores = threadIdx.x < 20;
  const int unit = threadIdx.x % 20;
  const int row = blockIdx.x + own;
  float column0[20];  // of gru_1_U_z
  #pragma unroll
  for (int r0 = 0; r0 < 20; ++r0) {
    const int i1 = r0 * 20 + unit;
    const float t2 = x0[i1];
    column0[r0] = t2;
  }
  float column1[20];  // of gru_1_U_r
  #pragma unroll
  for (int r3 = 0; r3 < 20; ++r3) {
    const int i4 = r3 * 20 + unit;
    const float t5 = x1[i4];
    column1[r3] = t5;
  }
  float column2[20];  // of gru_1_U_h
  #pragma unroll
  for (int r6 = 0; r6 < 20; ++r6) {
    const int i7 = r6 * 20 + unit;
    const float t8 = x2[i7];
    column2[r6] = t8;
  }
  float carry0 = 0.0f;
  if (stores) rows0[own * 20 + unit] = 0.0f;
  const int i9 = row * 20 + unit;
  const float t10 = x3[i9];
  float slice0 = t10;
  const float t11 = x4[i9];
  float slice1 = t11;
  const float t12 = x5[i9];
  float slice2 = t12;
  __syncthreads();
  for (int turn = 0; turn < n0; ++turn) {
    const int step = turn;
    const float t13 = slice0;
    const float t14 = slice1;
    const float t15 = slice2;
    const float t16 = carry0;
    if (turn + 1 < n0) {
      const int following = step + 1;
      const int i17 = (following * batch + row) * 20 + unit;
      const float t18 = x3[i17];
      slice0 = t18;
      const float t19 = x4[i17];
      slice1 = t19;
      const float t20 = x5[i17];
      slice2 = t20;
    }
    // Stage 0: gru_1
    float s22[4] = {0, 0, 0, 0};
    float s23[4] = {0, 0, 0, 0};
    #pragma unroll
    for (int r21 = 0; r21 < 20; ++r21) {
      const float t24 = rows0[own * 20 + r21];
      s22[r21 % 4] = gc_add(s22[r21 % 4], gc_mul(t24, column1[r21]));
      s23[r21 % 4] = gc_add(s23[r21 % 4], gc_mul(t24, column0[r21]));
    }
    // gru_1
    const float t25 = gc_add(gc_add(s22[0], s22[1]), gc_add(s22[2], s22[3]));
    // gru_1
    const float t26 = gc_add(gc_add(s23[0], s23[1]), gc_add(s23[2], s23[3]));
    const float t27 = gc_add(t13, t25);  // gru_1
    const float t28 = gc_sigmoid(t27);  // gru_1
    const float t29 = gc_mul(t28, t16);  // gru_1
    if (stores) tile0[own * 20 + unit] = t29;
    __syncthreads();
    // Stage 1: gru_1
    float s31[4] = {0, 0, 0, 0};
    #pragma unroll
    for (int r30 = 0; r30 < 20; ++r30) {
      const float t32 = tile0[own * 20 + r30];
      s31[r30 % 4] = gc_add(s31[r30 % 4], gc_mul(t32, column2[r30]));
    }
    // gru_1
    const float t33 = gc_add(gc_add(s31[0], s31[1]), gc_add(s31[2], s31[3]));
    const float t34 = gc_add(t14, t26);  // gru_1
    const float t35 = gc_sigmoid(t34);  // gru_1
    const float t36 = gc_mul(t35, t16);  // gru_1
    const float t37 = gc_sub(1.0f, t35);  // gru_1
    const float t38 = gc_add(t15, t33);  // gru_1
    const float t39 = gc_tanh(t38);  // gru_1
    const float t40 = gc_mul(t37, t39);  // gru_1
    const float t41 = gc_add(t36, t40);  // gru_1
    if (stores) next0[own * 20 + unit] = t41;
    __syncthreads();
    carry0 = t41;
    { float* const last = rows0; rows0 = next0; next0 = last; }
  }
  const int i42 = row * 20 + unit;
  if (stores) y0[i42] = carry0;
}
