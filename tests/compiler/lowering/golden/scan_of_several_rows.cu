// k0_scan: normalised_1: gather, matmul, add, abs, max, div, tanh, mul
// all time steps in one launch, rows by blocks for all steps
// n0: the size time
// x0: x float32[time, batch, 20]
// x1: U float32[20, 20]
// x2: V float32[20, 20]
// x3: W float32[3, 20]
// y0: normalised_1/item float32[batch, 20]
// y1: normalised_1/item float32[batch, 20]
extern "C" __global__ void __launch_bounds__(20) k0_scan(
    int n0, int batch, const float* __restrict__ x0,
    const float* __restrict__ x1, const float* __restrict__ x2,
    const float* __restrict__ x3, float* y0, float* y1) {
  const int row = blockIdx.x;
  float x3_column[3];
  // copy what is read of x3 to x3_column
  const int unit = threadIdx.x;
  #pragma unroll
  for (int x3_column_axis0 = 0; x3_column_axis0 < 3; ++x3_column_axis0) {
    x3_column[x3_column_axis0] = x3[unit + x3_column_axis0 * 20];
  }
  float x2_column[20];
  // copy what is read of x2 to x2_column
  #pragma unroll
  for (int x2_column_axis0 = 0; x2_column_axis0 < 20; ++x2_column_axis0) {
    x2_column[x2_column_axis0] = x2[unit + x2_column_axis0 * 20];
  }
  float x1_column[20];
  // copy what is read of x1 to x1_column
  #pragma unroll
  for (int x1_column_axis0 = 0; x1_column_axis0 < 20; ++x1_column_axis0) {
    x1_column[x1_column_axis0] = x1[unit + x1_column_axis0 * 20];
  }
  __shared__ __align__(16) float carry0[20];
  __shared__ __align__(16) float carry1[20];
  __shared__ __align__(16) float carry2[3];
  // the first carries
  if (unit < 3) {
    carry2[unit] = 1.0f;
  }
  // the first carries
  carry0[unit] = 0.0f;
  carry1[unit] = 0.0f;
  float x0_slice;
  // copy what is read of x0 to x0_slice
  x0_slice = x0[row * 20 + unit];
  __syncthreads();
  // normalised_1
  for (int step0 = 0; step0 < n0; ++step0) {
    float x0_slice_next;
    if (n0 >= step0 + 2) {
      // copy what is read of x0 to x0_slice
      x0_slice_next = x0[row * 20 + step0 * (20 * batch) + unit + 20 * batch];
    }
    __shared__ __align__(16) float tile0[20];
    float kept0;
    __shared__ __align__(16) float kept1[3];
    float kept2;
    // stage 0
    if (unit < 3) {
      const float t0 = gc_mul(carry2[unit], 0.5f);  // normalised_1
      kept1[unit] = t0;
    }
    // stage 0
    float s0 = 0.0f;
    float s0_parts[4];
    // start the parts of s0
    #pragma unroll
    for (int s0_part = 0; s0_part < 4; ++s0_part) {
      s0_parts[s0_part] = 0.0f;
    }
    // matmul
    #pragma unroll
    for (int k0_outer = 0; k0_outer < 5; ++k0_outer) {
      #pragma unroll
      for (int k0_inner = 0; k0_inner < 4; ++k0_inner) {
        s0_parts[k0_inner] =
            gc_add(s0_parts[k0_inner],
                gc_mul(carry0[k0_outer * 4 + k0_inner],
                    x1_column[k0_outer * 4 + k0_inner]));  // normalised_1
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
    float s1 = 0.0f;
    float s1_parts[4];
    // start the parts of s1
    #pragma unroll
    for (int s1_part = 0; s1_part < 4; ++s1_part) {
      s1_parts[s1_part] = 0.0f;
    }
    // matmul
    #pragma unroll
    for (int k1_outer = 0; k1_outer < 5; ++k1_outer) {
      #pragma unroll
      for (int k1_inner = 0; k1_inner < 4; ++k1_inner) {
        s1_parts[k1_inner] =
            gc_add(s1_parts[k1_inner],
                gc_mul(carry1[k1_outer * 4 + k1_inner],
                    x2_column[k1_outer * 4 + k1_inner]));  // normalised_1
      }
    }
    // combine the parts of s1
    #pragma unroll
    for (int s1_part_2 = 0; s1_part_2 < 2; ++s1_part_2) {
      s1_parts[s1_part_2 * 2] =
          gc_add(s1_parts[s1_part_2 * 2], s1_parts[s1_part_2 * 2 + 1]);
    }
    s1_parts[0] = gc_add(s1_parts[0], s1_parts[2]);
    s1 = gc_add(s1, s1_parts[0]);
    float s2 = 0.0f;
    // matmul
    #pragma unroll
    for (int k2 = 0; k2 < 3; ++k2) {
      s2 = gc_add(s2, gc_mul(carry2[k2], x3_column[k2]));  // normalised_1
    }
    const float t1 = gc_add(x0_slice, s0);  // normalised_1
    const float t2 = gc_add(t1, s1);  // normalised_1
    const float t3 = gc_abs(t2);  // normalised_1
    const float t4 = gc_add(carry1[unit], s2);  // normalised_1
    tile0[unit] = t3;
    kept0 = t4;
    kept2 = t2;
    __shared__ __align__(16) float tile1[1];
    __syncthreads();
    // stage 1
    if (unit < 1) {
      float s3 = -gc_infinity<float>();
      // max
      for (int k3 = 0; k3 < 20; ++k3) {
        s3 = gc_maximum(s3, tile0[k3]);  // normalised_1
      }
      tile1[unit] = s3;
    }
    float kept3;
    __syncthreads();
    // stage 2
    const float t5 = gc_div(kept2, tile1[0]);  // normalised_1
    const float t6 = gc_tanh(t5);  // normalised_1
    kept3 = t6;
    // the carries of the next step
    if (unit < 3) {
      carry2[unit] = kept1[unit];
    }
    // the carries of the next step
    carry0[unit] = kept3;
    carry1[unit] = kept0;
    __syncthreads();
    if (n0 >= step0 + 2) {
      // copy what is read of x0 to x0_slice
      x0_slice = x0_slice_next;
    }
  }
  __syncthreads();
  // the last carries
  y0[row * 20 + unit] = carry0[unit];
  y1[row * 20 + unit] = carry1[unit];
}
