// k0_conv: convolution3d_1, maxpooling3d_1: conv, argmax_pool, gather_pool,
//   less
// batch x 16 x 8 x 8 x 8 elements, tiles of pooled windows by blocks
// x0: volume float32[batch, 8, 10, 10, 10]
// x1: W float32[16, 8, 3, 3, 3]
// y0: maxpooling3d_1/argmax_pool int32[batch, 16, 4, 4, 4]
// y1: maxpooling3d_1/gather_pool float32[batch, 16, 4, 4, 4]
// y2: maxpooling3d_1/gather_pool bool[batch, 16, 4, 4, 4]
extern "C" __global__ void __launch_bounds__(128) k0_conv(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    int* y0, float* y1, bool* y2) {
  const int tile_row = blockIdx.x / (2 * batch);
  const int tile_column = blockIdx.x % (2 * batch);
  const int thread_row = threadIdx.x / 32;
  const int thread_column = threadIdx.x % 32;
  float s2[32];
  #pragma unroll
  for (int r = 0; r < 4; ++r) {
    #pragma unroll
    for (int group = 0; group < 2; ++group) {
      #pragma unroll
      for (int c = 0; c < 4; ++c) {
        s2[r * 8 + group * 4 + c] = 0.0f;
      }
    }
  }
  __syncthreads();
  __shared__ __align__(16) float right_tile[4752];
  __shared__ __align__(16) float left_tile[360];
  // compute x0_element ahead, to right_tile
  #pragma unroll
  for (int right_tile_turn_2 = 0; right_tile_turn_2 < 18; ++right_tile_turn_2) {
    right_tile[thread_row * 32 + thread_column + right_tile_turn_2 * 132] =
        x0[tile_column / 2 * 8000 + tile_column % 2 * 400 +
            thread_row / 2 * 200 + thread_row % 2 * 40 +
            thread_column / 16 * 20 + thread_column % 2 +
            thread_column / 2 % 2 * 10 + thread_column / 4 % 4 * 2 +
            right_tile_turn_2 / 6 * 10 + right_tile_turn_2 % 2 * 100 +
            right_tile_turn_2 / 2 % 3];
  }
  // copy what is read of x1_joined to left_tile
  #pragma unroll
  for (int left_tile_turn_2 = 0; left_tile_turn_2 < 2; ++left_tile_turn_2) {
    if (thread_row * 32 + thread_column + left_tile_turn_2 * 128 < 144) {
      left_tile[(thread_row * 32 + thread_column + left_tile_turn_2 * 128) / 9 +
          (thread_row * 32 + thread_column + left_tile_turn_2 * 128) % 9 * 20] =
          x1[tile_row * 3456 +
              (thread_row * 32 + thread_column + left_tile_turn_2 * 128) / 9 *
              216 +
              (thread_row * 32 + thread_column + left_tile_turn_2 * 128) % 9];
    }
  }
  // conv
  for (int step = 0; step < 24; ++step) {
    float right_tile_next[18];
    float left_tile_next[2];
    __syncthreads();
    if (step < 23) {
      // compute x0_element ahead, to right_tile
      #pragma unroll
      for (int right_tile_turn_3 = 0; right_tile_turn_3 < 18;
          ++right_tile_turn_3) {
        right_tile_next[right_tile_turn_3] =
            x0[tile_column / 2 * 8000 + tile_column % 2 * 400 +
                thread_row / 2 * 200 + thread_row % 2 * 40 +
                thread_column / 16 * 20 + thread_column % 2 +
                thread_column / 2 % 2 * 10 + thread_column / 4 % 4 * 2 +
                (step + 1) / 3 * 1000 + (step + 1) % 3 * 100 +
                right_tile_turn_3 / 6 * 10 + right_tile_turn_3 % 2 * 100 +
                right_tile_turn_3 / 2 % 3];
      }
      // copy what is read of x1_joined to left_tile
      #pragma unroll
      for (int left_tile_turn_3 = 0; left_tile_turn_3 < 2; ++left_tile_turn_3) {
        if (thread_row * 32 + thread_column + left_tile_turn_3 * 128 < 144) {
          left_tile_next[left_tile_turn_3] =
              x1[tile_row * 3456 +
                  (thread_row * 32 + thread_column + left_tile_turn_3 * 128) /
                  9 * 216 +
                  (thread_row * 32 + thread_column + left_tile_turn_3 * 128) %
                  9 + step * 9 + 9];
        }
      }
    }
    #pragma unroll
    for (int k = 0; k < 9; ++k) {
      float right[8];
      // copy what is read of right_tile to right
      #pragma unroll
      for (int right_axis2 = 0; right_axis2 < 2; ++right_axis2) {
        gc_load_pack(right + right_axis2 * 4,
            &right_tile[thread_column * 4 + step % 2 * 2376 + k * 264 +
                right_axis2 * 132]);
      }
      float left[4];
      // copy what is read of left_tile to left
      gc_load_pack(left, &left_tile[thread_row * 4 + step % 2 * 180 + k * 20]);
      #pragma unroll
      for (int r_2 = 0; r_2 < 4; ++r_2) {
        #pragma unroll
        for (int group_2 = 0; group_2 < 2; ++group_2) {
          #pragma unroll
          for (int c_2 = 0; c_2 < 4; ++c_2) {
            // convolution3d_1
            s2[r_2 * 8 + group_2 * 4 + c_2] =
                gc_add(s2[r_2 * 8 + group_2 * 4 + c_2],
                    gc_mul(right[group_2 * 4 + c_2], left[r_2]));
          }
        }
      }
    }
    if (step < 23) {
      // compute x0_element ahead, to right_tile
      #pragma unroll
      for (int right_tile_turn_4 = 0; right_tile_turn_4 < 18;
          ++right_tile_turn_4) {
        right_tile[thread_row * 32 + thread_column + (step + 1) % 2 * 2376 +
            right_tile_turn_4 * 132] = right_tile_next[right_tile_turn_4];
      }
      // copy what is read of x1_joined to left_tile
      #pragma unroll
      for (int left_tile_turn_4 = 0; left_tile_turn_4 < 2; ++left_tile_turn_4) {
        if (thread_row * 32 + thread_column + left_tile_turn_4 * 128 < 144) {
          left_tile[(thread_row * 32 + thread_column + left_tile_turn_4 * 128) /
              9 +
              (thread_row * 32 + thread_column + left_tile_turn_4 * 128) % 9 *
              20 + (step + 1) % 2 * 180] = left_tile_next[left_tile_turn_4];
        }
      }
    }
  }
  #pragma unroll
  for (int r_3 = 0; r_3 < 4; ++r_3) {
    bool p0 = false;
    float s0 = -gc_infinity<float>();
    int s1 = -1;
    // argmax_pool
    #pragma unroll
    for (int group_3 = 0; group_3 < 2; ++group_3) {
      #pragma unroll
      for (int c_3 = 0; c_3 < 4; ++c_3) {
        gc_carry<gc_reduce_argmax>(s0, s1, s2[r_3 * 8 + group_3 * 4 + c_3],
            group_3 * 4 + c_3);  // maxpooling3d_1
        const bool t0 = gc_equal(s1, group_3 * 4 + c_3);  // maxpooling3d_1
        // maxpooling3d_1
        const bool t1 = gc_less(0.5f, s2[r_3 * 8 + group_3 * 4 + c_3]);
        p0 = gc_where(t0, t1, p0);
      }
    }
    y0[tile_row * 1024 + tile_column / 2 * 1024 + tile_column % 2 * 32 +
        thread_row * 256 + thread_column + r_3 * 64] = s1;
    y1[tile_row * 1024 + tile_column / 2 * 1024 + tile_column % 2 * 32 +
        thread_row * 256 + thread_column + r_3 * 64] = s0;
    y2[tile_row * 1024 + tile_column / 2 * 1024 + tile_column % 2 * 32 +
        thread_row * 256 + thread_column + r_3 * 64] = p0;
  }
}
