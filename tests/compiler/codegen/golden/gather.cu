// k0_gather: embedding_1: gather
// batch x 80 x 128 elements, packs of four a thread
// x0: embedding_1/words int32[batch, 80]
// x1: W float32[20000, 128]
// y0: embedding_1/gather float32[batch, 80, 128]
extern "C" __global__ void __launch_bounds__(256) k0_gather(
    const int* __restrict__ x0, gc_uint64* status, const float* __restrict__ x1,
    float* y0, int batch) {
  const int count = 10240 * batch;
  const int stride = 4 * gridDim.x * blockDim.x;
  for (int first = 4 * (blockIdx.x * blockDim.x + threadIdx.x); first < count;
      first += stride) {
    gc_pack<float> pack_y0;
    const int i0 = first / 128;
    const int t1 = x0[i0];
    const int t2 = gc_check_index(status, 0, i0, t1, 20000);
    const int i3 = t2 * 128 + first % 128;
    const gc_pack<float> row4 = gc_load_pack(x1, i3, 2560000);
  #pragma unroll
    for (int lane = 0; lane < 4; ++lane) {
      const int i = min(first + lane, count - 1);
      const float t5 = row4.of[lane];
      pack_y0.of[lane] = t5;
    }
    gc_store_pack(y0, first, count, pack_y0);
  }
}
