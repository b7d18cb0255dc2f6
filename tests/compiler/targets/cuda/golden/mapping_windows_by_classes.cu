extern "C" __global__ void __launch_bounds__(32) windows_by_classes(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    float* y0) {
  const int thread = threadIdx.x;
  const int tile_row = blockIdx.x / ((28 * batch + 31) / 32);
  const int tile_column = blockIdx.x % ((28 * batch + 31) / 32);
  const int thread_row = threadIdx.x / 8;
  const int thread_column = threadIdx.x % 8;
  float s0[16];
  #pragma unroll
  for (int r = 0; r < 4; ++r) {
    #pragma unroll
    for (int c = 0; c < 4; ++c) {
      s0[r * 4 + c] = 0.0f;
    }
  }
  __syncthreads();
  __shared__ __align__(16) float right_tile[1152];
  __shared__ __align__(16) float left_tile[640];
  // compute x0_element ahead, to right_tile
  #pragma unroll
  for (int right_tile_turn_2 = 0; right_tile_turn_2 < 16; ++right_tile_turn_2) {
    right_tile[thread_row * 8 + thread_column + right_tile_turn_2 * 36] =
        tile_column * 8 + thread / 4 < 7 * batch ?
        x0[(tile_column * 8 + thread / 4) / 7 * 448 +
            (tile_column * 8 + thread / 4) % 7 * 4 + thread_column % 4 +
            right_tile_turn_2 * 28] : 0.0f;
  }
  // copy what is read of x1 to left_tile
  #pragma unroll
  for (int left_tile_turn_2 = 0; left_tile_turn_2 < 8; ++left_tile_turn_2) {
    left_tile[thread_row / 2 + thread_row % 2 * 160 + thread_column * 20 +
        left_tile_turn_2 * 2] =
        x1[tile_row * 768 + thread_row * 24 + thread_column * 3 +
            left_tile_turn_2 * 96 + 1];
  }
  __syncthreads();
  #pragma unroll
  for (int k = 0; k < 16; ++k) {
    float right[4];
    // copy what is read of right_tile to right
    gc_load_pack(right, &right_tile[thread_column * 4 + k * 36]);
    float left[4];
    // copy what is read of left_tile to left
    gc_load_pack(left, &left_tile[thread_row * 4 + k * 20]);
    #pragma unroll
    for (int r_2 = 0; r_2 < 4; ++r_2) {
      #pragma unroll
      for (int c_2 = 0; c_2 < 4; ++c_2) {
        s0[r_2 * 4 + c_2] =
            gc_add(s0[r_2 * 4 + c_2], gc_mul(right[c_2], left[r_2]));
      }
    }
  }
  #pragma unroll
  for (int r_3 = 0; r_3 < 4; ++r_3) {
    if (tile_column * 8 + thread_column < 7 * batch) {
      #pragma unroll
      for (int c_3 = 0; c_3 < 4; ++c_3) {
        y0[tile_row * 896 + (tile_column * 8 + thread_column) / 7 * 896 +
            (tile_column * 8 + thread_column) % 7 * 8 + thread_row * 224 +
            r_3 * 56 + c_3 * 2] = s0[r_3 * 4 + c_3];
      }
    }
  }
}

extern "C" __global__ void __launch_bounds__(32) windows_by_classes(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    float* y0) {
  const int thread = threadIdx.x;
  const int tile_row_2 = blockIdx.x / ((28 * batch + 31) / 32);
  const int tile_column_2 = blockIdx.x % ((28 * batch + 31) / 32);
  const int thread_row_2 = threadIdx.x / 8;
  const int thread_column_2 = threadIdx.x % 8;
  float s0_2[16];
  #pragma unroll
  for (int r_4 = 0; r_4 < 4; ++r_4) {
    #pragma unroll
    for (int c_4 = 0; c_4 < 4; ++c_4) {
      s0_2[r_4 * 4 + c_4] = 0.0f;
    }
  }
  __syncthreads();
  __shared__ __align__(16) float right_tile_2[2304];
  __shared__ __align__(16) float left_tile_2[1280];
  // compute x0_element ahead, to right_tile
  #pragma unroll
  for (int right_tile_turn = 0; right_tile_turn < 32; ++right_tile_turn) {
    right_tile_2[thread_row_2 * 8 + thread_column_2 + right_tile_turn * 36] =
        tile_column_2 * 8 + thread / 4 < 7 * batch &&
        (tile_column_2 * 8 + thread / 4) % 7 * 4 + thread_column_2 % 4 +
        right_tile_turn % 2 < 28 ?
        x0[(tile_column_2 * 8 + thread / 4) / 7 * 448 +
            (tile_column_2 * 8 + thread / 4) % 7 * 4 + thread_column_2 % 4 +
            right_tile_turn / 2 * 28 + right_tile_turn % 2] : 0.0f;
  }
  // compute x1_element ahead, to left_tile
  #pragma unroll
  for (int left_tile_turn = 0; left_tile_turn < 16; ++left_tile_turn) {
    left_tile_2[thread_row_2 * 160 + thread_column_2 * 20 + left_tile_turn] =
        x1[tile_row_2 * 768 + thread / 2 * 3 + thread % 2 * 2 +
            left_tile_turn * 48];
  }
  __syncthreads();
  for (int k_half = 0; k_half < 2; ++k_half) {
    #pragma unroll
    for (int k_inner = 0; k_inner < 16; ++k_inner) {
      float right_2[4];
      // copy what is read of right_tile to right
      gc_load_pack(right_2,
          &right_tile_2[thread_column_2 * 4 + k_half * 576 + k_inner * 36]);
      float left_2[4];
      // copy what is read of left_tile to left
      gc_load_pack(left_2,
          &left_tile_2[thread_row_2 * 4 + k_half * 320 + k_inner * 20]);
      #pragma unroll
      for (int r_5 = 0; r_5 < 4; ++r_5) {
        #pragma unroll
        for (int c_5 = 0; c_5 < 4; ++c_5) {
          s0_2[r_5 * 4 + c_5] =
              gc_add(s0_2[r_5 * 4 + c_5], gc_mul(right_2[c_5], left_2[r_5]));
        }
      }
    }
  }
  #pragma unroll
  for (int r_6 = 0; r_6 < 4; ++r_6) {
    if (tile_column_2 * 8 + thread_column_2 < 7 * batch) {
      #pragma unroll
      for (int c_6 = 0; c_6 < 4; ++c_6) {
        y0[tile_row_2 * 896 + (tile_column_2 * 8 + thread_column_2) / 7 * 896 +
            (tile_column_2 * 8 + thread_column_2) % 7 * 8 + thread_row_2 * 224 +
            r_6 * 56 + c_6 * 2 + 1] = s0_2[r_6 * 4 + c_6];
      }
    }
  }
}
