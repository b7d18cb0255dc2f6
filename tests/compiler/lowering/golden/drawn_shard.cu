// k0_pointwise: dropout_1: random, less, mul, where
// 3 x batch x 5 x 8 elements, packs
// w0: a seed or a stream of random words
// w1: a seed or a stream of random words
// x0: whole int64[]
// x1: first int64[]
// x2: x float32[3, batch, 5, 8]
// y0: dropout_1/where float32[3, batch, 5, 8]
extern "C" __global__ void __launch_bounds__(256) k0_pointwise(
    int batch, gc_uint64 call_step, unsigned int w0, unsigned int w1,
    const gc_int64* __restrict__ x0, const gc_int64* __restrict__ x1,
    const float* __restrict__ x2, float* y0) {
  const int i = blockIdx.x * 256 + threadIdx.x;
  if (i < 30 * batch) {
    const gc_int64 t0 =
        gc_mul(
            gc_add(
                gc_mul(gc_cast<gc_int64>(i / (10 * batch)),
                    gc_sub(x0[0], gc_cast<gc_int64>(batch))), x1[0]),
            gc_cast<gc_int64>(40));
    float x2_pack[4];
    gc_load_pack(x2_pack, x2 + i * 4);
    unsigned int words[4];
    gc_random_pack(words, t0, i * 4, 0, call_step, w0, w1);
    float y0_pack[4];
    #pragma unroll
    for (int lane = 0; lane < 4; ++lane) {
      const unsigned int t1 = words[lane];  // dropout_1
      const gc_int64 t2 = gc_cast<gc_int64>(t1);  // dropout_1
      const bool t3 = gc_less(t2, 2147483648LL);  // dropout_1
      const float t4 = gc_mul(x2_pack[lane], 2.0f);  // dropout_1
      const float t5 = gc_where(t3, t4, 0.0f);  // dropout_1
      y0_pack[lane] = t5;
    }
    gc_store_pack(y0 + i * 4, y0_pack);
  }
}
