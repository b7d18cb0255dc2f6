// k0_conv: convolution2d_2, dropout_1, maxpooling2d_1: conv, add, maximum,
//   random, floordiv, mul, less, max_pool, div, where
// batch x 32 x 24 x 24 elements, tiles of pooled windows by blocks
// w0: a seed or a stream of random words
// w1: a seed or a stream of random words
// x0: image float32[batch, 32, 26, 26]
// x1: W float32[32, 32, 3, 3]
// x2: convolution2d_2/b float32[32]
// y0: convolution2d_2/maximum float32[batch, 32, 24, 24]
// y1: dropout_1/where float32[batch, 32, 12, 12]
extern "C" __global__ void __launch_bounds__(128) k0_conv(
    int batch, gc_uint64 call_step, unsigned int w0, unsigned int w1,
    const float* __restrict__ x0, const float* __restrict__ x1,
    const float* __restrict__ x2, float* y0, float* y1) {
  const int thread = threadIdx.x;
  const int tile_row = blockIdx.x / (4 * batch + (16 * batch + 31) / 32);
  const int tile_column = blockIdx.x % (4 * batch + (16 * batch + 31) / 32);
  const int thread_row = threadIdx.x / 32;
  const int thread_column = threadIdx.x % 32;
  float s1[32];
  #pragma unroll
  for (int r = 0; r < 8; ++r) {
    #pragma unroll
    for (int c = 0; c < 4; ++c) {
      s1[r * 4 + c] = 0.0f;
    }
  }
  __syncthreads();
  __shared__ __align__(16) float right_tile[4752];
  __shared__ __align__(16) float left_tile[1296];
  // compute x0_element ahead, to right_tile
  #pragma unroll
  for (int right_tile_turn_2 = 0; right_tile_turn_2 < 18; ++right_tile_turn_2) {
    right_tile[thread_row * 32 + thread_column + right_tile_turn_2 * 132] =
        tile_column * 4 + thread_row < 18 * batch ?
        x0[(tile_column * 4 + thread_row) / 18 * 21632 +
            (tile_column * 32 + thread / 4) % 12 * 2 +
            (tile_column * 32 + thread / 4) / 12 % 12 * 52 + thread_column % 2 +
            thread_column / 2 % 2 * 26 + right_tile_turn_2 / 9 * 676 +
            right_tile_turn_2 % 3 + right_tile_turn_2 / 3 % 3 * 26] : 0.0f;
  }
  // copy what is read of x1_joined to left_tile
  #pragma unroll
  for (int left_tile_turn_2 = 0; left_tile_turn_2 < 5; ++left_tile_turn_2) {
    if (thread_row + left_tile_turn_2 * 4 < 18) {
      left_tile[(thread_row * 32 + thread_column + left_tile_turn_2 * 128) /
          18 +
          (thread_row * 32 + thread_column + left_tile_turn_2 * 128) % 18 *
          36] =
          x1[tile_row * 9216 +
              (thread_row * 32 + thread_column + left_tile_turn_2 * 128) / 18 *
              288 +
              (thread_row * 32 + thread_column + left_tile_turn_2 * 128) % 18];
    }
  }
  // conv
  for (int step = 0; step < 16; ++step) {
    float right_tile_next[18];
    float left_tile_next[5];
    __syncthreads();
    if (step < 15) {
      // compute x0_element ahead, to right_tile
      #pragma unroll
      for (int right_tile_turn_3 = 0; right_tile_turn_3 < 18;
          ++right_tile_turn_3) {
        right_tile_next[right_tile_turn_3] =
            tile_column * 4 + thread_row < 18 * batch ?
            x0[(tile_column * 4 + thread_row) / 18 * 21632 +
                (tile_column * 32 + thread / 4) % 12 * 2 +
                (tile_column * 32 + thread / 4) / 12 % 12 * 52 +
                thread_column % 2 + thread_column / 2 % 2 * 26 + step * 1352 +
                right_tile_turn_3 / 9 * 676 + right_tile_turn_3 % 3 +
                right_tile_turn_3 / 3 % 3 * 26 + 1352] : 0.0f;
      }
      // copy what is read of x1_joined to left_tile
      #pragma unroll
      for (int left_tile_turn_3 = 0; left_tile_turn_3 < 5; ++left_tile_turn_3) {
        if (thread_row + left_tile_turn_3 * 4 < 18) {
          left_tile_next[left_tile_turn_3] =
              x1[tile_row * 9216 +
                  (thread_row * 32 + thread_column + left_tile_turn_3 * 128) /
                  18 * 288 +
                  (thread_row * 32 + thread_column + left_tile_turn_3 * 128) %
                  18 + step * 18 + 18];
        }
      }
    }
    #pragma unroll
    for (int k = 0; k < 18; ++k) {
      float right[4];
      // copy what is read of right_tile to right
      gc_load_pack(right,
          &right_tile[thread_column * 4 + step % 2 * 2376 + k * 132]);
      float left[8];
      // copy what is read of left_tile to left
      #pragma unroll
      for (int left_axis2_outer = 0; left_axis2_outer < 2; ++left_axis2_outer) {
        gc_load_pack(left + left_axis2_outer * 4,
            &left_tile[thread_row * 8 + step % 2 * 648 + k * 36 +
                left_axis2_outer * 4]);
      }
      #pragma unroll
      for (int r_2 = 0; r_2 < 8; ++r_2) {
        #pragma unroll
        for (int c_2 = 0; c_2 < 4; ++c_2) {
          // convolution2d_2
          s1[r_2 * 4 + c_2] =
              gc_add(s1[r_2 * 4 + c_2], gc_mul(right[c_2], left[r_2]));
        }
      }
    }
    if (step < 15) {
      // compute x0_element ahead, to right_tile
      #pragma unroll
      for (int right_tile_turn_4 = 0; right_tile_turn_4 < 18;
          ++right_tile_turn_4) {
        right_tile[thread_row * 32 + thread_column + (step + 1) % 2 * 2376 +
            right_tile_turn_4 * 132] = right_tile_next[right_tile_turn_4];
      }
      // copy what is read of x1_joined to left_tile
      #pragma unroll
      for (int left_tile_turn_4 = 0; left_tile_turn_4 < 5; ++left_tile_turn_4) {
        if (thread_row + left_tile_turn_4 * 4 < 18) {
          left_tile[(thread_row * 32 + thread_column + left_tile_turn_4 * 128) /
              18 +
              (thread_row * 32 + thread_column + left_tile_turn_4 * 128) % 18 *
              36 + (step + 1) % 2 * 648] = left_tile_next[left_tile_turn_4];
        }
      }
    }
  }
  #pragma unroll
  for (int r_3 = 0; r_3 < 8; ++r_3) {
    float s0 = -gc_infinity<float>();
    // max_pool
    #pragma unroll
    for (int c_3 = 0; c_3 < 4; ++c_3) {
      // convolution2d_2
      const float t0 =
          gc_add(s1[r_3 * 4 + c_3], x2[tile_row * 32 + thread_row * 8 + r_3]);
      const float t1 = gc_maximum(t0, 0.0f);  // convolution2d_2
      s0 = gc_maximum(s0, t1);  // maxpooling2d_1
      if (tile_column * 32 + thread_column < 144 * batch)
          y0[tile_row * 18432 +
              (tile_column * 32 + thread_column) / 144 * 18432 +
              (tile_column * 32 + thread_column) % 12 * 2 +
              (tile_column * 32 + thread_column) / 12 % 12 * 48 +
              thread_row * 4608 + r_3 * 576 + c_3 / 2 * 24 + c_3 % 2] = t1;
    }
    const unsigned int t2 =
        gc_random(tile_row * 4608 +
            (tile_column * 32 + thread_column) / 144 * 4608 +
            (tile_column * 32 + thread_column) % 144 + thread_row * 1152 +
            r_3 * 144, 0, call_step, w0, w1);  // dropout_1
    const unsigned int t3 = gc_floordiv(t2, 256u);  // dropout_1
    const float t4 = gc_cast<float>(t3);  // dropout_1
    const float t5 = gc_mul(t4, 5.9604645e-08f);  // dropout_1
    const bool t6 = gc_less(t5, 0.75f);  // dropout_1
    const float t7 = gc_div(s0, 0.75f);  // dropout_1
    const float t8 = gc_where(t6, t7, 0.0f);  // dropout_1
    if (tile_column * 32 + thread_column < 144 * batch)
        y1[tile_row * 4608 + (tile_column * 32 + thread_column) / 144 * 4608 +
            (tile_column * 32 + thread_column) % 144 + thread_row * 1152 +
            r_3 * 144] = t8;
  }
}
