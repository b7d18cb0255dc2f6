// k0_columns: batch_normalization_1: sum, div, sub, mul
// 32 channels of 196*batch; a block of 512 threads a channel, packs of four
// x0: batch_normalization_1/input float32[batch, 32, 14, 14]
// y0: batch_normalization_1/div float32[32]
// y1: batch_normalization_1/div float32[32]
extern "C" __global__ void __launch_bounds__(512, 1) k0_columns(
    int batch, const float* __restrict__ x0, float* y0, float* y1) {
  const int thread = threadIdx.x;
  __shared__ float a0_warps[16];
  __shared__ gc_moments<float> a2_warps[16];
  const int channels = 32;
  for (int channel = blockIdx.x; channel < channels; channel += gridDim.x) {
    // walk 1 of 1: sum, sum of squares
    float a0_all = gc_reduce_sum::identity<float>();
    gc_moments<float> a2_all = gc_reduce_squares::identity<float>();
    // At most 32 terms are added up one by one: rounding errors stay small.
    for (int start = thread; start < 49 * batch; start += 8 * 512) {
      const int stop = min(49 * batch, start + 8 * 512);
      float a0 = gc_reduce_sum::identity<float>();
      gc_moments<float> a2 = gc_reduce_squares::identity<float>();
      for (int pack = start; pack < stop; pack += 512) {
        const int first_place = 4 * pack;
        const int i4 = first_place / 196;
        const int i5 = first_place % 196;
        const int first = (i4 * 32 + channel) * 196 + i5;
        const gc_pack<float> pack_x0 = gc_load_pack(x0, first, first + 4);
        #pragma unroll
        for (int part = 0; part < 4; ++part) {
          const int place = first_place + part;
          const float t6 = pack_x0.of[part];
          a0 = gc_reduce_sum::combine(a0, t6);
          a2 =
              gc_reduce_squares::combine(a2,
                  gc_reduce_squares::element(t6, place));
        }
      }
      a0_all = gc_reduce_sum::combine(a0_all, a0);
      a2_all = gc_reduce_squares::combine(a2_all, a2);
    }
    // batch_normalization_1
    const float t1 =
        gc_reduce_sum::result(
            gc_reduce_block<gc_reduce_sum, 512>(a0_all, a0_warps));
    // batch_normalization_1
    const float t3 =
        gc_reduce_squares::result(
            gc_reduce_block<gc_reduce_squares, 512>(a2_all, a2_warps));

    if (thread == 0) {
      const gc_int64 t7 = 196 * batch;
      const float t8 = gc_cast<float>(t7);
      const float t9 = gc_div(t1, t8);  // batch_normalization_1
      const float t10 = gc_div(t3, t8);  // batch_normalization_1
      y0[channel] = t9;
      y1[channel] = t10;
    }
    __syncthreads();  // the next channel uses the same shared memory
  }
}
