// k0_conv: convolution2d_2, dropout_1, maxpooling2d_1: conv, add, maximum,
//   random, floordiv, mul, less, max_pool, div, where
// 32 x 288 by 288 x 576*batch; a block computes 32 x 128, 16 of k at a time;
//   columns are counted by the windows of max_pool
// x0: W float32[32, 32, 3, 3]
// x1: image float32[batch, 32, 26, 26]
// x2: convolution2d_2/b float32[32]
// y0: convolution2d_2/maximum float32[batch, 32, 24, 24]
// w0: a seed of random words
// w1: a stream of random words
// y1: dropout_1/where float32[batch, 32, 12, 12]
extern "C" __global__ void __launch_bounds__(128, 1) k0_conv(
    const float* __restrict__ x0, int batch, const float* __restrict__ x1,
    const float* __restrict__ x2, float* y0, unsigned int w0, unsigned int w1,
    gc_uint64 call_step, float* y1) {
  // Tiles of the operands, k-major; two of each: one is multiplied while the
  // other one is filled.
  struct Tiles {
    float left0[2][16][36];
    float right0[2][16][132];
  };
  __shared__ alignas(16) Tiles tiles;
  const int row_tiles = 1, column_tiles = (576 * batch + 127) / 128;
  const int block = blockIdx.x;
  const gc_place place = gc_tile_place(block, row_tiles, column_tiles);
  const int first_row = place.row * 32, first_column = place.column * 128;
  const int k_begin = 0, k_end = 288;
  // The part of an element's position, and of its coordinates, by k.
  __shared__ int part_of[384];
  for (int e = threadIdx.x; e < 384; e += blockDim.x) {
    const int i0 = e / 9;
    const int i1 = (e / 3) % 3;
    const int i2 = e % 3;
    const int i3 = i0 * 676 + i1 * 26 + i2;
    part_of[e] = i3;
  }
  __syncthreads();

  const int thread = threadIdx.x;
  // Where in a tile this thread begins to fetch, and from where.
  const int left0_outer = (thread / 2) % 32,
      left0_k = (thread % 2) * 4 + (thread / 64) * 8;
  const float* left0_from =
      x0 + ((first_row + left0_outer) * 288 + k_begin + left0_k);
  const int right0_outer = thread % 128, right0_k = thread / 128;
  // What is on its way from memory to the tiles. Around the operands are zeros.
  struct {
    gc_pack<float> left0[1];
    float right0[16];
  } next;
  const auto fetch = [&](int k) {
    {
      next.left0[0] = gc_load4(left0_from);
    }
    left0_from += 16;
    #pragma unroll
    for (int turn = 0; turn < 16; ++turn) {
      const int outer = first_column + right0_outer;
      const int inner = k + right0_k + turn;
      const int i4 = outer / 576;
      const int i5 = (outer / 48) % 12;
      const int i6 = (outer / 2) % 2;
      const int i7 = (outer / 4) % 12;
      const int i8 = outer % 2;
      const int i9 = i4 * 21632 + i5 * 52 + i6 * 26 + i7 * 2 + i8;
      const int part10 = part_of[inner];
      const int i11 = i9 + part10;
      next.right0[turn] = 0;
      if (outer < 576 * batch) {
        const float t12 = x1[i11];
        next.right0[turn] = t12;
      }
    }
  };
  const auto fill = [&](int stage) {
    {
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

  // A thread sums 8 x 4 results: squares of 4 x 4, 16 rows and 32 columns
  // apart.
  const int warp = thread / 32, in_warp = thread % 32;
  const int own_row = (warp / 4) * 32 + (in_warp / 8) * 4;
  const int own_column = (warp % 4) * 32 + (in_warp % 8) * 4;
  float total0[8][4] = {};

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
  #pragma unroll 1
  for (int r = 0; r < 8; ++r) {
    const int row = first_row + own_row + r / 4 * 16 + r % 4;
    #pragma unroll 1
    for (int c = 0; c < 1; ++c) {
      const int start = first_column + own_column + c * 32;
      if (start >= 576 * batch) continue;
      const gc_pack<float> sum0 = gc_pick(total0, r, c);
      const int window = start / 4;
      const int i13 = window / 144;
      const int i14 = (window / 12) % 12;
      const int i15 = window % 12;
      const int at = ((i13 * 32 + row) * 12 + i14) * 12 + i15;
      float pooled = gc_reduce_max::identity<float>();
      const int first = ((i13 * 32 + row) * 24 + i14 * 2) * 24 + i15 * 2;
      gc_pack<float> pack_y0;
      #pragma unroll
      for (int lane = 0; lane < 4; ++lane) {
        const float t16 = x2[row];
        const float t17 = gc_add(sum0.of[lane], t16);  // convolution2d_2
        const float t18 = gc_maximum(t17, 0.0f);  // convolution2d_2
        pooled = gc_reduce_max::combine(pooled, t18);
        pack_y0.of[lane] = t18;
      }
      gc_store_window(y0 + first, 24, pack_y0);
      const float t19 = gc_reduce_max::result(pooled);  // maxpooling2d_1
      // dropout_1
      const unsigned int t20 = gc_random(at, 0, call_step, w0, w1);
      const unsigned int t21 = gc_floordiv(t20, 256u);  // dropout_1
      const float t22 = gc_cast<float>(t21);  // dropout_1
      const float t23 = gc_mul(t22, 5.9604645e-08f);  // dropout_1
      const bool t24 = gc_less(t23, 0.75f);  // dropout_1
      const float t25 = gc_div(t19, 0.75f);  // dropout_1
      const float t26 = gc_where(t24, t25, 0.0f);  // dropout_1
      y1[at] = t26;
    }
  }
}
