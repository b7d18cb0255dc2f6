// k0_conv: convolution3d_1, maxpooling3d_1: conv, argmax_pool, gather_pool,
//   less
// 16 x 216 by 216 x 512*batch; a block computes 16 x 128, 16 of k at a time;
//   columns are counted by the windows of argmax_pool
// x0: W float32[16, 8, 3, 3, 3]
// x1: volume float32[batch, 8, 10, 10, 10]
// y0: maxpooling3d_1/argmax_pool int32[batch, 16, 4, 4, 4]
// y1: maxpooling3d_1/gather_pool float32[batch, 16, 4, 4, 4]
// y2: maxpooling3d_1/gather_pool bool[batch, 16, 4, 4, 4]
extern "C" __global__ void __launch_bounds__(128, 1) k0_conv(
    const float* __restrict__ x0, int batch, const float* __restrict__ x1,
    int* y0, float* y1, bool* y2) {
  // Tiles of the operands, k-major; two of each: one is multiplied while the
  // other one is filled.
  struct Tiles {
    float left0[2][16][20];
    float right0[2][16][132];
  };
  __shared__ alignas(16) Tiles tiles;
  const int row_tiles = 1, column_tiles = (512 * batch + 127) / 128;
  const int block = blockIdx.x;
  const gc_place place = gc_tile_place(block, row_tiles, column_tiles);
  const int first_row = place.row * 16, first_column = place.column * 128;
  const int k_begin = 0, k_end = 216;
  // The part of an element's position, and of its coordinates, by k.
  __shared__ int part_of[256];
  for (int e = threadIdx.x; e < 256; e += blockDim.x) {
    const int i0 = e / 27;
    const int i1 = (e / 9) % 3;
    const int i2 = (e / 3) % 3;
    const int i3 = e % 3;
    const int i4 = i0 * 1000 + i1 * 100 + i2 * 10 + i3;
    part_of[e] = i4;
  }
  __syncthreads();

  const int thread = threadIdx.x;
  // Where in a tile this thread begins to fetch, and from where.
  const int left0_outer = (thread / 2) % 16,
      left0_k = (thread % 2) * 4 + (thread / 32) * 8;
  const float* left0_from =
      x0 + ((first_row + left0_outer) * 216 + k_begin + left0_k);
  const int right0_outer = thread % 128, right0_k = thread / 128;
  // What is on its way from memory to the tiles. Around the operands are zeros.
  struct {
    gc_pack<float> left0[1];
    float right0[16];
  } next;
  const auto fetch = [&](int k) {
    if (thread < 64) {
      const int inner = k + left0_k;
      next.left0[0] = gc_pack<float>();
      if (inner < k_end) {
        next.left0[0] = gc_load4(left0_from);
      }
    }
    left0_from += 16;
    #pragma unroll
    for (int turn = 0; turn < 16; ++turn) {
      const int outer = first_column + right0_outer;
      const int inner = k + right0_k + turn;
      const int i5 = outer / 512;
      const int i6 = (outer / 128) % 4;
      const int i7 = (outer / 4) % 2;
      const int i8 = (outer / 32) % 4;
      const int i9 = (outer / 2) % 2;
      const int i10 = (outer / 8) % 4;
      const int i11 = outer % 2;
      const int i12 =
          i5 * 8000 + i6 * 200 + i7 * 100 + i8 * 20 + i9 * 10 + i10 * 2 + i11;
      const int part13 = part_of[inner];
      const int i14 = i12 + part13;
      next.right0[turn] = 0;
      if (outer < 512 * batch && inner < k_end) {
        const float t15 = x1[i14];
        next.right0[turn] = t15;
      }
    }
  };
  const auto fill = [&](int stage) {
    if (thread < 64) {
      const int outer = left0_outer;
      const int inner = left0_k;
      gc_put_column(tiles.left0[stage], inner, outer, next.left0[0]);
    }
    #pragma unroll
    for (int turn = 0; turn < 16; ++turn) {
      const int outer = right0_outer;
      const int inner = right0_k + turn;
      tiles.right0[stage][inner][outer] = next.right0[turn];
    }
  };

  // A thread sums 4 x 4 results.
  const int warp = thread / 32, in_warp = thread % 32;
  const int own_row = (warp / 4) * 16 + (in_warp / 8) * 4;
  const int own_column = (warp % 4) * 32 + (in_warp % 8) * 4;
  float total0[4][4] = {};

  // What one step asks for when it is done, the next one puts into a tile when
  // it is done: a whole step for its way from memory.
  fetch(k_begin);
  fill(0);
  if (k_begin + 16 < k_end) fetch(k_begin + 16);
  __syncthreads();
  for (int k = k_begin, stage = 0; k < k_end; k += 16, stage ^= 1) {
    gc_multiply<16, 16, 32>(
        total0, tiles.left0[stage],
        tiles.right0[stage], own_row, own_column);
    if (k + 16 < k_end) fill(stage ^ 1);
    if (k + 32 < k_end) fetch(k + 32);
    __syncthreads();
  }

  // The results, at a time four that are a window of the pooling.
  #pragma unroll
  for (int r = 0; r < 4; ++r) {
    const int row = first_row + own_row + r;
    #pragma unroll
    for (int c = 0; c < 1; ++c) {
      const int start = first_column + own_column + c * 32;
      if (start >= 512 * batch) continue;
      const gc_pack<float> sum0 = gc_pick(total0, r, c);
      const int window = start / 8;
      const int half = (start / 4) % 2;
      const int i16 = window / 64;
      const int i17 = (window / 16) % 4;
      const int i18 = (window / 4) % 4;
      const int i19 = window % 4;
      const int at = (((i16 * 16 + row) * 4 + i17) * 4 + i18) * 4 + i19;
      float pooled = 0;
      int place = -1;
      bool picked1 = 0;
      #pragma unroll
      for (int lane = 0; lane < 4; ++lane) {
        const bool t20 = gc_less(0.5f, sum0.of[lane]);  // maxpooling3d_1
        const bool t21 = gc_is_ahead(sum0.of[lane], pooled, place);
        pooled = t21 ? sum0.of[lane] : pooled;
        place = t21 ? half * 4 + lane : place;
        picked1 = t21 ? t20 : picked1;
      }
      const float t22 = gc_neighbour(pooled);
      const int t23 = gc_neighbour(place);
      const bool t24 = gc_neighbour(picked1);
      const bool t25 = gc_is_ahead(t22, pooled, place);
      pooled = t25 ? t22 : pooled;
      place = t25 ? t23 : place;
      picked1 = t25 ? t24 : picked1;
      if (half == 0) {
        const int t26 = place;  // maxpooling3d_1
        const float t27 = pooled;  // maxpooling3d_1
        const bool t28 = picked1;  // maxpooling3d_1
        y0[at] = t26;
        y1[at] = t27;
        y2[at] = t28;
      }
    }
  }
}
