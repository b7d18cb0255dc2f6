// k0_update: no layer: mul, add, sqrt, div, sub
// 2 parts, packs
// x0: gradient of W float32[64, 10]
// x1: lr float32[]
// x2: gradient of b float32[10]
// y0: W_square float32[64, 10]
// y1: W float32[64, 10]
// y2: b_square float32[10]
// y3: b float32[10]
extern "C" __global__ void __launch_bounds__(256) k0_update(
    gc_uint64* status, const float* __restrict__ x0,
    const float* __restrict__ x1, const float* __restrict__ x2, float* y0,
    float* y1, float* y2, float* y3) {
  if (blockIdx.x == 0) {
    const int i = blockIdx.x * 256 + threadIdx.x;
    if (i < 160) {
      float y0_pack[4];
      gc_load_pack(y0_pack, y0 + i * 4);
      float x0_pack[4];
      gc_load_pack(x0_pack, x0 + i * 4);
      float y1_pack[4];
      gc_load_pack(y1_pack, y1 + i * 4);
      float y0_pack_2[4];
      float y1_pack_2[4];
      #pragma unroll
      for (int lane = 0; lane < 4; ++lane) {
        const float t0 = gc_mul(0.9f, y0_pack[lane]);
        const float t1 = gc_mul(x0_pack[lane], x0_pack[lane]);
        const float t2 = gc_mul(0.1f, t1);
        const float t3 = gc_add(t0, t2);
        const float t4 = gc_mul(x1[0], x0_pack[lane]);
        const float t5 = gc_add(t3, 0.000001f);
        const float t6 = gc_sqrt(t5);
        const float t7 = gc_div(t4, t6);
        const float t8 = gc_sub(y1_pack[lane], t7);
        y0_pack_2[lane] = t3;
        y1_pack_2[lane] = t8;
      }
      if (gc_ok(status)) gc_store_pack(y0 + i * 4, y0_pack_2);
      if (gc_ok(status)) gc_store_pack(y1 + i * 4, y1_pack_2);
    }
  }
  if (blockIdx.x >= 1) {
    const int i_2 = (blockIdx.x - 1) * 256 + threadIdx.x;
    if (i_2 < 3) {
      float y2_pack[4];
      gc_load_pack(y2_pack, y2 + i_2 * 4, 10 - i_2 * 4);
      float x2_pack[4];
      gc_load_pack(x2_pack, x2 + i_2 * 4, 10 - i_2 * 4);
      float y3_pack[4];
      gc_load_pack(y3_pack, y3 + i_2 * 4, 10 - i_2 * 4);
      float y2_pack_2[4];
      float y3_pack_2[4];
      #pragma unroll
      for (int lane_2 = 0; lane_2 < 4; ++lane_2) {
        if (i_2 * 4 + lane_2 < 10) {
          const float t9 = gc_mul(0.9f, y2_pack[lane_2]);
          const float t10 = gc_mul(x2_pack[lane_2], x2_pack[lane_2]);
          const float t11 = gc_mul(0.1f, t10);
          const float t12 = gc_add(t9, t11);
          const float t13 = gc_mul(x1[0], x2_pack[lane_2]);
          const float t14 = gc_add(t12, 0.000001f);
          const float t15 = gc_sqrt(t14);
          const float t16 = gc_div(t13, t15);
          const float t17 = gc_sub(y3_pack[lane_2], t16);
          y2_pack_2[lane_2] = t12;
          y3_pack_2[lane_2] = t17;
        }
      }
      if (gc_ok(status)) gc_store_pack(y2 + i_2 * 4, y2_pack_2, 10 - i_2 * 4);
      if (gc_ok(status)) gc_store_pack(y3 + i_2 * 4, y3_pack_2, 10 - i_2 * 4);
    }
  }
}
