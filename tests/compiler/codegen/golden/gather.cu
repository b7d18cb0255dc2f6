// k0_gather: embedding_1: gather
// batch x 80 x 128 elements, packs of four a thread
// x0: embedding_1/words int32[batch, 80]
// x1: W float32[20000, 128]
// y0: embedding_1/gather float32[batch, 80, 128]
extern "C" __global__ void __launch_bounds__(256) k0_gather(
    const int* __restrict__ x0, int batch, gc_uint64* status, const float* __restrict__ x1,
    float* y0) {
  const int count = 10240 * batch;
  const int stride = 4 * gridDim.x * blockDim.x;
  for (int first = 4 * (blockIdx.x * blockDim.x + threadIdx.x); first < count; first += stride) {
    gc_pack<float> pack_y0;
  #pragma unroll
    for (int lane = 0; lane < 4; ++lane) {
      const int i = min(first + lane, count - 1);
      const int i0 = i / 10240;
      const int i1 = (i / 128) % 80;
      const int i2 = i % 128;
      const int i3 = i0 * 80 + i1;
      const int t4 = x0[i3];
      const int t5 = gc_check_index(status, 0, i3, t4, 20000);
      const int i6 = t5 * 128 + i2;
      const float t7 = x1[i6];
      pack_y0.of[lane] = t7;
    }
    gc_store_pack(y0, first, count, pack_y0);
  }
}
