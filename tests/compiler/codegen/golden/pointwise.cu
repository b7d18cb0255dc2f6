// k0_pointwise: dropout_1, activation_1: random, floordiv, mul, less, add,
//   maximum, div, where
// batch x 512 elements, packs of four a thread
// w0: a seed of random words
// w1: a stream of random words
// x0: x float32[batch, 512]
// x1: bias float32[512]
// y0: dropout_1/where float32[batch, 512]
extern "C" __global__ void __launch_bounds__(256) k0_pointwise(
    unsigned int w0, unsigned int w1, gc_uint64 call_step,
    const float* __restrict__ x0, const float* __restrict__ x1, float* y0,
    int batch) {
  const int count = 512 * batch;
  const int stride = 4 * gridDim.x * blockDim.x;
  for (int first = 4 * (blockIdx.x * blockDim.x + threadIdx.x); first < count;
      first += stride) {
    gc_pack<float> pack_x0 = gc_load_pack(x0, first, count);
    gc_pack<float> pack_y0;
    const gc_words words0 = gc_random_words(first / 4, 0, call_step, w0, w1);
  #pragma unroll
    for (int lane = 0; lane < 4; ++lane) {
      const int i = min(first + lane, count - 1);
      const unsigned int t1 = gc_word(words0, lane);  // dropout_1
      const unsigned int t2 = gc_floordiv(t1, 256u);  // dropout_1
      const float t3 = gc_cast<float>(t2);  // dropout_1
      const float t4 = gc_mul(t3, 5.9604645e-08f);  // dropout_1
      const bool t5 = gc_less(t4, 0.8f);  // dropout_1
      const float t6 = pack_x0.of[lane];
      const int i7 = i % 512;
      const float t8 = x1[i7];
      const float t9 = gc_add(t6, t8);  // activation_1
      const float t10 = gc_maximum(t9, 0.0f);  // activation_1
      const float t11 = gc_div(t10, 0.8f);  // dropout_1
      const float t12 = gc_where(t5, t11, 0.0f);  // dropout_1
      pack_y0.of[lane] = t12;
    }
    gc_store_pack(y0, first, count, pack_y0);
  }
}
