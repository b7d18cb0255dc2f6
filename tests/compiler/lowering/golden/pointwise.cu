// k0_pointwise: dropout_1, activation_1: random, floordiv, mul, less, add,
//   maximum, div, where
// batch x 512 elements, packs
// w0: a seed or a stream of random words
// w1: a seed or a stream of random words
// x0: x float32[batch, 512]
// x1: bias float32[512]
// y0: dropout_1/where float32[batch, 512]
extern "C" __global__ void __launch_bounds__(256) k0_pointwise(
    int batch, gc_uint64 call_step, unsigned int w0, unsigned int w1,
    const float* __restrict__ x0, const float* __restrict__ x1, float* y0) {
  const int i = blockIdx.x * 256 + threadIdx.x;
  if (i < 128 * batch) {
    float x0_pack[4];
    gc_load_pack(x0_pack, x0 + i * 4);
    float x1_pack[4];
    gc_load_pack(x1_pack, x1 + i % 128 * 4);
    unsigned int words[4];
    gc_random_pack(words, i, 0, call_step, w0, w1);
    float y0_pack[4];
    #pragma unroll
    for (int lane = 0; lane < 4; ++lane) {
      const unsigned int t0 = words[lane];  // dropout_1
      const unsigned int t1 = gc_floordiv(t0, 256u);  // dropout_1
      const float t2 = gc_cast<float>(t1);  // dropout_1
      const float t3 = gc_mul(t2, 5.9604645e-08f);  // dropout_1
      const bool t4 = gc_less(t3, 0.8f);  // dropout_1
      const float t5 = gc_add(x0_pack[lane], x1_pack[lane]);  // activation_1
      const float t6 = gc_maximum(t5, 0.0f);  // activation_1
      const float t7 = gc_div(t6, 0.8f);  // dropout_1
      const float t8 = gc_where(t4, t7, 0.0f);  // dropout_1
      y0_pack[lane] = t8;
    }
    gc_store_pack(y0 + i * 4, y0_pack);
  }
}
