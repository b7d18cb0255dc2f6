extern "C" __global__ void __launch_bounds__(128) product(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    const float* __restrict__ x2, float* y0) {
  const int thread = threadIdx.x;
  const int tile_row = blockIdx.x / 2;
  const int tile_column = blockIdx.x % 2;
  const int thread_row = threadIdx.x / 16;
  const int thread_column = threadIdx.x % 16;
  float s0[32];
  #pragma unroll
  for (int r = 0; r < 8; ++r) {
    #pragma unroll
    for (int c = 0; c < 4; ++c) {
      s0[r * 4 + c] = 0.0f;
    }
  }
  __syncthreads();
  __shared__ __align__(16) float right_tile[2176];
  __shared__ __align__(16) float left_tile[2176];
  // copy what is read of x1 to right_tile
  #pragma unroll
  for (int right_tile_turn_2 = 0; right_tile_turn_2 < 2; ++right_tile_turn_2) {
    if (tile_column * 16 + thread_column < 24) {
      float x1_pack[4];
      gc_load_pack(x1_pack,
          &x1[tile_column * 64 + thread_row * 96 + thread_column * 4 +
              right_tile_turn_2 * 768]);
      gc_store_pack(
          &right_tile[thread_row * 68 + thread_column * 4 +
              right_tile_turn_2 * 544], x1_pack);
    } else {
      #pragma unroll
      for (int right_tile_neighbour = 0; right_tile_neighbour < 4;
          ++right_tile_neighbour) {
        right_tile[thread_row * 68 + thread_column * 4 +
            right_tile_turn_2 * 544 + right_tile_neighbour] = 0.0f;
      }
    }
  }
  // copy what is read of x0 to left_tile
  #pragma unroll
  for (int left_tile_turn_2 = 0; left_tile_turn_2 < 2; ++left_tile_turn_2) {
    if (tile_row * 64 + thread / 4 + left_tile_turn_2 * 32 < batch) {
      float x0_pack[4];
      gc_load_pack(x0_pack,
          &x0[tile_row * 2304 + thread / 4 * 36 + thread % 4 * 4 +
              left_tile_turn_2 * 1152]);
      #pragma unroll
      for (int left_tile_neighbour_2 = 0; left_tile_neighbour_2 < 4;
          ++left_tile_neighbour_2) {
        left_tile[thread / 4 + thread % 4 * 272 + left_tile_turn_2 * 32 +
            left_tile_neighbour_2 * 68] = x0_pack[left_tile_neighbour_2];
      }
    } else {
      #pragma unroll
      for (int left_tile_neighbour = 0; left_tile_neighbour < 4;
          ++left_tile_neighbour) {
        left_tile[thread / 4 + thread % 4 * 272 + left_tile_turn_2 * 32 +
            left_tile_neighbour * 68] = 0.0f;
      }
    }
  }
  // matmul
  for (int step = 0; step < 3; ++step) {
    float right_tile_next[8];
    float left_tile_next[8];
    __syncthreads();
    if (step < 2) {
      // copy what is read of x1 to right_tile
      #pragma unroll
      for (int right_tile_turn_3 = 0; right_tile_turn_3 < 2;
          ++right_tile_turn_3) {
        if (thread_row + step * 16 + right_tile_turn_3 * 8 < 20 &&
            tile_column * 16 + thread_column < 24) {
          gc_load_pack(right_tile_next + right_tile_turn_3 * 4,
              &x1[tile_column * 64 + thread_row * 96 + thread_column * 4 +
                  step * 1536 + right_tile_turn_3 * 768 + 1536]);
        } else {
          #pragma unroll
          for (int right_tile_neighbour_2 = 0; right_tile_neighbour_2 < 4;
              ++right_tile_neighbour_2) {
            right_tile_next[right_tile_turn_3 * 4 + right_tile_neighbour_2] =
                0.0f;
          }
        }
      }
      // copy what is read of x0 to left_tile
      #pragma unroll
      for (int left_tile_turn_3 = 0; left_tile_turn_3 < 2; ++left_tile_turn_3) {
        if (tile_row * 64 + thread / 4 + left_tile_turn_3 * 32 < batch &&
            thread_column % 4 + step * 4 < 5) {
          gc_load_pack(left_tile_next + left_tile_turn_3 * 4,
              &x0[tile_row * 2304 + thread / 4 * 36 + thread % 4 * 4 +
                  step * 16 + left_tile_turn_3 * 1152 + 16]);
        } else {
          #pragma unroll
          for (int left_tile_neighbour_5 = 0; left_tile_neighbour_5 < 4;
              ++left_tile_neighbour_5) {
            left_tile_next[left_tile_turn_3 * 4 + left_tile_neighbour_5] = 0.0f;
          }
        }
      }
    }
    #pragma unroll
    for (int k = 0; k < 16; ++k) {
      float right[4];
      // copy what is read of right_tile to right
      gc_load_pack(right,
          &right_tile[thread_column * 4 + step % 2 * 1088 + k * 68]);
      float left[8];
      // copy what is read of left_tile to left
      #pragma unroll
      for (int left_axis2_outer = 0; left_axis2_outer < 2; ++left_axis2_outer) {
        gc_load_pack(left + left_axis2_outer * 4,
            &left_tile[thread_row * 8 + step % 2 * 1088 + k * 68 +
                left_axis2_outer * 4]);
      }
      #pragma unroll
      for (int r_2 = 0; r_2 < 8; ++r_2) {
        #pragma unroll
        for (int c_2 = 0; c_2 < 4; ++c_2) {
          s0[r_2 * 4 + c_2] =
              gc_add(s0[r_2 * 4 + c_2], gc_mul(left[r_2], right[c_2]));
        }
      }
    }
    if (step < 2) {
      // copy what is read of x1 to right_tile
      #pragma unroll
      for (int right_tile_turn_4 = 0; right_tile_turn_4 < 2;
          ++right_tile_turn_4) {
        gc_store_pack(
            &right_tile[thread_row * 68 + thread_column * 4 +
                (step + 1) % 2 * 1088 + right_tile_turn_4 * 544],
            right_tile_next + right_tile_turn_4 * 4);
      }
      // copy what is read of x0 to left_tile
      #pragma unroll
      for (int left_tile_turn_4 = 0; left_tile_turn_4 < 2; ++left_tile_turn_4) {
        #pragma unroll
        for (int left_tile_neighbour_4 = 0; left_tile_neighbour_4 < 4;
            ++left_tile_neighbour_4) {
          left_tile[thread / 4 + thread % 4 * 272 + (step + 1) % 2 * 1088 +
              left_tile_turn_4 * 32 + left_tile_neighbour_4 * 68] =
              left_tile_next[left_tile_turn_4 * 4 + left_tile_neighbour_4];
        }
      }
    }
  }
  #pragma unroll
  for (int r_3 = 0; r_3 < 8; ++r_3) {
    if (tile_row * 64 + thread_row * 8 + r_3 < batch &&
        tile_column * 16 + thread_column < 24) {
      float x2_pack[4];
      gc_load_pack(x2_pack, &x2[tile_column * 64 + thread_column * 4]);
      float y0_pack[4];
      #pragma unroll
      for (int c_3 = 0; c_3 < 4; ++c_3) {
        const float t0 = gc_add(s0[r_3 * 4 + c_3], x2_pack[c_3]);
        const float t1 = gc_maximum(t0, 0.0f);
        y0_pack[c_3] = t1;
      }
      gc_store_pack(
          &y0[tile_row * 6144 + tile_column * 64 + thread_row * 768 +
              thread_column * 4 + r_3 * 96], y0_pack);
    }
  }
}
