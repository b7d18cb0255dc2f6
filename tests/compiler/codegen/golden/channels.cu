// k0_columns: batch_normalization_1: sum, div, sub, mul
// 32 channels of 196*batch; a block of 512 threads a channel, packs of four; a channel is read 2
//   times: its length is symbolic
// x0: batch_normalization_1/input float32[batch, 32, 14, 14]
// y0: batch_normalization_1/div float32[32]
// y1: batch_normalization_1/div float32[32]
extern "C" __global__ void __launch_bounds__(512, 1) k0_columns(
    int batch, const float* __restrict__ x0, float* y0, float* y1) {
  const int thread = threadIdx.x;
  __shared__ float a0_warps[16];
  __shared__ float a8_warps[16];
  const int channels = 32;
  for (int channel = blockIdx.x; channel < channels; channel += gridDim.x) {
    // walk 1 of 2: sum
    float a0_all = gc_reduce_sum::identity<float>();
    // At most 32 terms are added up one by one: rounding errors stay small.
    for (int start = thread; start < 49 * batch; start += 8 * 512) {
      const int stop = min(49 * batch, start + 8 * 512);
      float a0 = gc_reduce_sum::identity<float>();
      for (int pack = start; pack < stop; pack += 512) {
        const int first_place = 4 * pack;
        const int i2 = first_place / 196;
        const int i3 = first_place % 196;
        const int first = (i2 * 32 + channel) * 196 + i3;
        const gc_pack<float> pack_x0 = gc_load_pack(x0, first, first + 4);
        #pragma unroll
        for (int part = 0; part < 4; ++part) {
          const float t4 = pack_x0.of[part];
          a0 = gc_reduce_sum::combine(a0, t4);
        }
      }
      a0_all = gc_reduce_sum::combine(a0_all, a0);
    }
    const float t1 = gc_reduce_sum::result(gc_reduce_block<gc_reduce_sum, 512>(a0_all, a0_warps));  // batch_normalization_1

    // walk 2 of 2: sum
    const gc_int64 t5 = 196 * batch;
    const float t6 = gc_cast<float>(t5);
    const float t7 = gc_div(t1, t6);  // batch_normalization_1
    float a8_all = gc_reduce_sum::identity<float>();
    // At most 32 terms are added up one by one: rounding errors stay small.
    for (int start = thread; start < 49 * batch; start += 8 * 512) {
      const int stop = min(49 * batch, start + 8 * 512);
      float a8 = gc_reduce_sum::identity<float>();
      for (int pack = start; pack < stop; pack += 512) {
        const int first_place = 4 * pack;
        const int i10 = first_place / 196;
        const int i11 = first_place % 196;
        const int first = (i10 * 32 + channel) * 196 + i11;
        const gc_pack<float> pack_x0 = gc_load_pack(x0, first, first + 4);
        #pragma unroll
        for (int part = 0; part < 4; ++part) {
          const float t12 = pack_x0.of[part];
          const float t13 = gc_sub(t12, t7);  // batch_normalization_1
          const float t14 = gc_mul(t13, t13);  // batch_normalization_1
          a8 = gc_reduce_sum::combine(a8, t14);
        }
      }
      a8_all = gc_reduce_sum::combine(a8_all, a8);
    }
    const float t9 = gc_reduce_sum::result(gc_reduce_block<gc_reduce_sum, 512>(a8_all, a8_warps));  // batch_normalization_1

    if (thread == 0) {
      const gc_int64 t15 = 196 * batch;
      const float t16 = gc_cast<float>(t15);
      const float t17 = gc_div(t1, t16);  // batch_normalization_1
      const float t18 = gc_div(t9, t16);  // batch_normalization_1
      y0[channel] = t17;
      y1[channel] = t18;
    }
    __syncthreads();  // the next channel uses the same shared memory
  }
}
