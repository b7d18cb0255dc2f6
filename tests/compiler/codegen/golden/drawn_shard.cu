// k0_pointwise: dropout_1: random, less, mul, where
// 3 x batch x 5 x 8 elements, packs of four a thread
// w0: a seed of random words
// w1: a stream of random words
// x0: whole int64[]
// x1: first int64[]
// x2: x float32[3, batch, 5, 8]
// y0: dropout_1/where float32[3, batch, 5, 8]
extern "C" __global__ void __launch_bounds__(256) k0_pointwise(
    unsigned int w0, unsigned int w1, gc_uint64 call_step, int batch,
    const gc_int64* __restrict__ x0, const gc_int64* __restrict__ x1,
    const float* __restrict__ x2, float* y0) {
  const int count = 120 * batch;
  const int stride = 4 * gridDim.x * blockDim.x;
  for (int first = 4 * (blockIdx.x * blockDim.x + threadIdx.x); first < count;
      first += stride) {
    gc_pack<float> pack_x2 = gc_load_pack(x2, first, count);
    gc_pack<float> pack_y0;
    const int i1 = first / (40 * batch);
    const gc_int64 t2 = x0[0];
    const gc_int64 t3 = x1[0];
    const gc_int64 shift4 = gc_part_shift(i1, t2, t3, batch, 40);
    const gc_words words0 =
        gc_random_words(shift4, first, 0, call_step, w0, w1);
  #pragma unroll
    for (int lane = 0; lane < 4; ++lane) {
      const int i = min(first + lane, count - 1);
      const unsigned int t5 = gc_word(words0, lane);  // dropout_1
      const gc_int64 t6 = gc_cast<gc_int64>(t5);  // dropout_1
      const bool t7 = gc_less(t6, 2147483648LL);  // dropout_1
      const float t8 = pack_x2.of[lane];
      const float t9 = gc_mul(t8, 2.0f);  // dropout_1
      const float t10 = gc_where(t7, t9, 0.0f);  // dropout_1
      pack_y0.of[lane] = t10;
    }
    gc_store_pack(y0, first, count, pack_y0);
  }
}
