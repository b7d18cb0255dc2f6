// k0_rows: weight_regularizer: mul, sum
// 1 row of 401408 in 49 parts; a block of 256 threads a part
// y0: weight_regularizer/sum/parts float32[1, 49]
// x0: weight_regularizer/input float32[784, 512]
extern "C" __global__ void __launch_bounds__(256, 1) k0_rows(
    float* y0, const float* __restrict__ x0) {
  const int thread = threadIdx.x;
  __shared__ float a0_warps[8];
  const int stride = 256 * gridDim.y;  // of gridDim.y blocks that share a row
  const int rows = 1;
  for (int row = blockIdx.x; row < rows; row += gridDim.x) {
    // walk 1 of 1: sum
    float a0_all = gc_reduce_sum::identity<float>();
    // At most 32 terms are added up one by one: rounding errors stay small.
    for (int start = thread + 256 * blockIdx.y; start < 100352;
        start += 8 * stride) {
      const int stop = min(100352, start + 8 * stride);
      float a0 = gc_reduce_sum::identity<float>();
      for (int pack = start; pack < stop; pack += stride) {
        const int first_column = 4 * pack;
        const int first = first_column;
        const gc_pack<float> pack_x0 = gc_load_pack(x0, first, first + 4);
        #pragma unroll
        for (int part = 0; part < 4; ++part) {
          const float t2 = pack_x0.of[part];
          const float t3 = gc_mul(t2, t2);  // weight_regularizer
          a0 = gc_reduce_sum::combine(a0, t3);
        }
      }
      a0_all = gc_reduce_sum::combine(a0_all, a0);
    }
    a0_all = gc_reduce_block<gc_reduce_sum, 256>(a0_all, a0_warps);
    if (thread == 0) y0[row * gridDim.y + blockIdx.y] = a0_all;
    __syncthreads();  // the next row uses the same shared memory
  }
}

// k1_rows: weight_regularizer: mul, sum
// puts the parts of each row together, a warp a row
// x0: weight_regularizer/sum/parts float32[1, 49]
// y0: weight_regularizer/mul float32[]
extern "C" __global__ void __launch_bounds__(128, 1) k1_rows(
    const float* __restrict__ x0, float* y0) {
  const int thread = threadIdx.x % 32;
  const int rows = 1;
  const int warp = (blockIdx.x * 128 + threadIdx.x) / 32;
  for (int row = warp; row < rows; row += 4 * gridDim.x) {
    // walk 1 of 1: sum
    float a0 = gc_reduce_sum::identity<float>();
    for (int number = thread; number < 49; number += 32) {
      const int i = row * 49 + number;
      a0 = gc_reduce_sum::combine(a0, x0[i]);
    }
    // weight_regularizer
    const float t1 =
        gc_reduce_sum::result(gc_reduce_lanes<gc_reduce_sum, 32>(a0));

    if (thread == 0) {
      const float t2 = gc_mul(0.01f, t1);  // weight_regularizer
      y0[row] = t2;
    }
  }
}
