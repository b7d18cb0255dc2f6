// k0_update: no layer: mul, add, sqrt, div, sub
// 2 parts, one a row of the grid
// y0: W_square float32[64, 10]
// x0: gradient of W float32[64, 10]
// y1: W float32[64, 10]
// x1: lr float32[]
// y2: b_square float32[10]
// x2: gradient of b float32[10]
// y3: b float32[10]
extern "C" __global__ void __launch_bounds__(256) k0_update(
    float* y0, const float* __restrict__ x0, float* y1,
    const float* __restrict__ x1, gc_uint64* status, float* y2,
    const float* __restrict__ x2, float* y3) {
  if (blockIdx.y == 0) {
    const int count = 640;
    const int stride = 4 * gridDim.x * blockDim.x;
    for (int first = 4 * (blockIdx.x * blockDim.x + threadIdx.x); first < count;
        first += stride) {
      gc_pack<float> pack_y0 = gc_load_pack(y0, first, count);
      gc_pack<float> pack_x0 = gc_load_pack(x0, first, count);
      gc_pack<float> pack_y1 = gc_load_pack(y1, first, count);
    #pragma unroll
      for (int lane = 0; lane < 4; ++lane) {
        const int i = min(first + lane, count - 1);
        const float t0 = pack_y0.of[lane];
        const float t1 = gc_mul(0.9f, t0);
        const float t2 = pack_x0.of[lane];
        const float t3 = gc_mul(t2, t2);
        const float t4 = gc_mul(0.1f, t3);
        const float t5 = gc_add(t1, t4);
        const float t6 = pack_y1.of[lane];
        const float t7 = x1[0];
        const float t8 = gc_mul(t7, t2);
        const float t9 = gc_add(t5, 0.000001f);
        const float t10 = gc_sqrt(t9);
        const float t11 = gc_div(t8, t10);
        const float t12 = gc_sub(t6, t11);
        pack_y0.of[lane] = t5;
        pack_y1.of[lane] = t12;
      }
      if (gc_ok(status)) gc_store_pack(y0, first, count, pack_y0);
      if (gc_ok(status)) gc_store_pack(y1, first, count, pack_y1);
    }
  } else {
    const int count = 10;
    const int stride = 4 * gridDim.x * blockDim.x;
    for (int first = 4 * (blockIdx.x * blockDim.x + threadIdx.x); first < count;
        first += stride) {
      gc_pack<float> pack_y2 = gc_load_pack(y2, first, count);
      gc_pack<float> pack_x2 = gc_load_pack(x2, first, count);
      gc_pack<float> pack_y3 = gc_load_pack(y3, first, count);
    #pragma unroll
      for (int lane = 0; lane < 4; ++lane) {
        const int i = min(first + lane, count - 1);
        const float t0 = pack_y2.of[lane];
        const float t1 = gc_mul(0.9f, t0);
        const float t2 = pack_x2.of[lane];
        const float t3 = gc_mul(t2, t2);
        const float t4 = gc_mul(0.1f, t3);
        const float t5 = gc_add(t1, t4);
        const float t6 = pack_y3.of[lane];
        const float t7 = x1[0];
        const float t8 = gc_mul(t7, t2);
        const float t9 = gc_add(t5, 0.000001f);
        const float t10 = gc_sqrt(t9);
        const float t11 = gc_div(t8, t10);
        const float t12 = gc_sub(t6, t11);
        pack_y2.of[lane] = t5;
        pack_y3.of[lane] = t12;
      }
      if (gc_ok(status)) gc_store_pack(y2, first, count, pack_y2);
      if (gc_ok(status)) gc_store_pack(y3, first, count, pack_y3);
    }
  }
}
