// k0_scan: gru_1: gather, matmul, add, sigmoid, mul, sub, tanh
// all time steps in one launch, rows by blocks for all steps
// n0: the size time
// x0: x_z float32[time, batch, 20]
// x1: gru_1_U_z float32[20, 20]
// x2: x_h float32[time, batch, 20]
// x3: x_r float32[time, batch, 20]
// x4: gru_1_U_r float32[20, 20]
// x5: gru_1_U_h float32[20, 20]
// y0: gru_1/item float32[batch, 20]
extern "C" __global__ void __launch_bounds__(20) k0_scan(
    int n0, int batch, const float* __restrict__ x0,
    const float* __restrict__ x1, const float* __restrict__ x2,
    const float* __restrict__ x3, const float* __restrict__ x4,
    const float* __restrict__ x5, float* y0) {
  const int row = blockIdx.x;
  float x5_column[20];
  // copy what is read of x5 to x5_column
  const int unit = threadIdx.x;
  #pragma unroll
  for (int x5_column_axis0 = 0; x5_column_axis0 < 20; ++x5_column_axis0) {
    x5_column[x5_column_axis0] = x5[unit + x5_column_axis0 * 20];
  }
  float x1_column[20];
  // copy what is read of x1 to x1_column
  #pragma unroll
  for (int x1_column_axis0 = 0; x1_column_axis0 < 20; ++x1_column_axis0) {
    x1_column[x1_column_axis0] = x1[unit + x1_column_axis0 * 20];
  }
  float x4_column[20];
  // copy what is read of x4 to x4_column
  #pragma unroll
  for (int x4_column_axis0 = 0; x4_column_axis0 < 20; ++x4_column_axis0) {
    x4_column[x4_column_axis0] = x4[unit + x4_column_axis0 * 20];
  }
  __shared__ __align__(16) float carry0[20];
  // the first carries
  carry0[unit] = 0.0f;
  float x2_slice;
  float x0_slice;
  float x3_slice;
  // copy what is read of x2 to x2_slice
  x2_slice = x2[row * 20 + unit];
  // copy what is read of x0 to x0_slice
  x0_slice = x0[row * 20 + unit];
  // copy what is read of x3 to x3_slice
  x3_slice = x3[row * 20 + unit];
  __syncthreads();
  // gru_1
  for (int step0 = 0; step0 < n0; ++step0) {
    float x2_slice_next;
    float x0_slice_next;
    float x3_slice_next;
    if (n0 >= step0 + 2) {
      // copy what is read of x2 to x2_slice
      x2_slice_next = x2[row * 20 + step0 * (20 * batch) + unit + 20 * batch];
      // copy what is read of x0 to x0_slice
      x0_slice_next = x0[row * 20 + step0 * (20 * batch) + unit + 20 * batch];
      // copy what is read of x3 to x3_slice
      x3_slice_next = x3[row * 20 + step0 * (20 * batch) + unit + 20 * batch];
    }
    __shared__ __align__(16) float tile0[20];
    float kept0;
    float kept1;
    // stage 0
    float s0 = 0.0f;
    float s1 = 0.0f;
    float s0_parts[4];
    float s1_parts[4];
    // start the parts of s0
    #pragma unroll
    for (int s0_part = 0; s0_part < 4; ++s0_part) {
      s0_parts[s0_part] = 0.0f;
    }
    // start the parts of s1
    #pragma unroll
    for (int s1_part = 0; s1_part < 4; ++s1_part) {
      s1_parts[s1_part] = 0.0f;
    }
    // matmul
    #pragma unroll
    for (int k0_outer = 0; k0_outer < 5; ++k0_outer) {
      #pragma unroll
      for (int k0_inner = 0; k0_inner < 4; ++k0_inner) {
        s0_parts[k0_inner] =
            gc_add(s0_parts[k0_inner],
                gc_mul(carry0[k0_outer * 4 + k0_inner],
                    x4_column[k0_outer * 4 + k0_inner]));  // gru_1
        s1_parts[k0_inner] =
            gc_add(s1_parts[k0_inner],
                gc_mul(carry0[k0_outer * 4 + k0_inner],
                    x1_column[k0_outer * 4 + k0_inner]));  // gru_1
      }
    }
    // combine the parts of s0
    #pragma unroll
    for (int s0_part_2 = 0; s0_part_2 < 2; ++s0_part_2) {
      s0_parts[s0_part_2 * 2] =
          gc_add(s0_parts[s0_part_2 * 2], s0_parts[s0_part_2 * 2 + 1]);
    }
    s0_parts[0] = gc_add(s0_parts[0], s0_parts[2]);
    s0 = gc_add(s0, s0_parts[0]);
    // combine the parts of s1
    #pragma unroll
    for (int s1_part_2 = 0; s1_part_2 < 2; ++s1_part_2) {
      s1_parts[s1_part_2 * 2] =
          gc_add(s1_parts[s1_part_2 * 2], s1_parts[s1_part_2 * 2 + 1]);
    }
    s1_parts[0] = gc_add(s1_parts[0], s1_parts[2]);
    s1 = gc_add(s1, s1_parts[0]);
    const float t0 = gc_add(x3_slice, s0);  // gru_1
    const float t1 = gc_sigmoid(t0);  // gru_1
    const float t2 = gc_mul(t1, carry0[unit]);  // gru_1
    const float t3 = gc_add(x0_slice, s1);  // gru_1
    const float t4 = gc_sigmoid(t3);  // gru_1
    const float t5 = gc_sub(1.0f, t4);  // gru_1
    const float t6 = gc_mul(t4, carry0[unit]);  // gru_1
    tile0[unit] = t2;
    kept0 = t5;
    kept1 = t6;
    float kept2;
    __syncthreads();
    // stage 1
    float s2 = 0.0f;
    float s2_parts[4];
    // start the parts of s2
    #pragma unroll
    for (int s2_part = 0; s2_part < 4; ++s2_part) {
      s2_parts[s2_part] = 0.0f;
    }
    // matmul
    #pragma unroll
    for (int k1_outer = 0; k1_outer < 5; ++k1_outer) {
      #pragma unroll
      for (int k1_inner = 0; k1_inner < 4; ++k1_inner) {
        s2_parts[k1_inner] =
            gc_add(s2_parts[k1_inner],
                gc_mul(tile0[k1_outer * 4 + k1_inner],
                    x5_column[k1_outer * 4 + k1_inner]));  // gru_1
      }
    }
    // combine the parts of s2
    #pragma unroll
    for (int s2_part_2 = 0; s2_part_2 < 2; ++s2_part_2) {
      s2_parts[s2_part_2 * 2] =
          gc_add(s2_parts[s2_part_2 * 2], s2_parts[s2_part_2 * 2 + 1]);
    }
    s2_parts[0] = gc_add(s2_parts[0], s2_parts[2]);
    s2 = gc_add(s2, s2_parts[0]);
    const float t7 = gc_add(x2_slice, s2);  // gru_1
    const float t8 = gc_tanh(t7);  // gru_1
    const float t9 = gc_mul(kept0, t8);  // gru_1
    const float t10 = gc_add(kept1, t9);  // gru_1
    kept2 = t10;
    // the carries of the next step
    carry0[unit] = kept2;
    __syncthreads();
    if (n0 >= step0 + 2) {
      // copy what is read of x2 to x2_slice
      x2_slice = x2_slice_next;
      // copy what is read of x0 to x0_slice
      x0_slice = x0_slice_next;
      // copy what is read of x3 to x3_slice
      x3_slice = x3_slice_next;
    }
  }
  __syncthreads();
  // the last carries
  y0[row * 20 + unit] = carry0[unit];
}
