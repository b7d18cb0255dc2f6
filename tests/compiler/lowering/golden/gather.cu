// k0_gather: embedding_1: gather
// batch x 80 x 128 elements, packs
// x0: W float32[20000, 128]
// x1: embedding_1/words int32[batch, 80]
// y0: embedding_1/gather float32[batch, 80, 128]
extern "C" __global__ void __launch_bounds__(256) k0_gather(
    gc_uint64* status, const float* __restrict__ x0, const int* __restrict__ x1,
    float* y0) {
  const int i = blockIdx.x * 256 + threadIdx.x;
  const int g0 = gc_check_index(status, 0, i / 32, x1[i / 32], 20000);
  float x0_pack[4];
  gc_load_pack(x0_pack, &x0[i % 32 * 4 + g0 * 128]);
  gc_store_pack(y0 + i * 4, x0_pack);
}
