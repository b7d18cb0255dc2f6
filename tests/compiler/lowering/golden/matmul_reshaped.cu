// k0_matmul: dense_1: matmul, add
// batch x 32 elements, tiles by blocks
// x0: x float32[batch, 64]
// x1: W float32[64, 32]
// x2: y float32[batch, 4, 8]
// y0: dense_1/add float32[batch, 4, 8]
extern "C" __global__ void __launch_bounds__(256) k0_matmul(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    const float* __restrict__ x2, float* y0) {
  const int thread = threadIdx.x;
  const int tile_row = blockIdx.x;
  const int tile_column = blockIdx.x % 1;
  __shared__ __align__(16) float right_tile[4608];
  // start the parts of s0
  const int slice = threadIdx.x / 32;
  const int thread_row = threadIdx.x / 8 % 4;
  const int thread_column = threadIdx.x % 8;
  float partial[16];
  #pragma unroll
  for (int r = 0; r < 4; ++r) {
    #pragma unroll
    for (int c = 0; c < 4; ++c) {
      partial[r * 4 + c] = 0.0f;
    }
  }
  __syncthreads();
  __shared__ __align__(16) float left_tile[2560];
  // copy what is read of x1 to right_tile
  #pragma unroll
  for (int right_tile_turn_2 = 0; right_tile_turn_2 < 2; ++right_tile_turn_2) {
    float x1_pack[4];
    gc_load_pack(x1_pack,
        &x1[tile_column * 32 + slice * 128 + thread_row * 32 +
            thread_column * 4 + right_tile_turn_2 * 1024]);
    gc_store_pack(
        &right_tile[slice * 144 + thread_row * 36 + thread_column * 4 +
            right_tile_turn_2 * 1152], x1_pack);
  }
  if (tile_row * 16 + thread / 16 < batch) {
    float x0_pack[4];
    gc_load_pack(x0_pack,
        &x0[tile_row * 1024 + slice * 128 + thread_row * 32 +
            thread_column * 4]);
    // copy what is read of x0 to left_tile
    #pragma unroll
    for (int left_tile_neighbour_2 = 0; left_tile_neighbour_2 < 4;
        ++left_tile_neighbour_2) {
      left_tile[thread / 16 + thread_row % 2 * 640 + thread_column * 80 +
          left_tile_neighbour_2 * 20] = x0_pack[left_tile_neighbour_2];
    }
  } else {
    // copy what is read of x0 to left_tile
    #pragma unroll
    for (int left_tile_neighbour = 0; left_tile_neighbour < 4;
        ++left_tile_neighbour) {
      left_tile[thread / 16 + thread_row % 2 * 640 + thread_column * 80 +
          left_tile_neighbour * 20] = 0.0f;
    }
  }
  __syncthreads();
  #pragma unroll
  for (int k = 0; k < 8; ++k) {
    float right[4];
    // copy what is read of right_tile to right
    gc_load_pack(right, &right_tile[slice * 288 + thread_column * 4 + k * 36]);
    float left[4];
    // copy what is read of left_tile to left
    gc_load_pack(left, &left_tile[slice * 160 + thread_row * 4 + k * 20]);
    #pragma unroll
    for (int r_2 = 0; r_2 < 4; ++r_2) {
      #pragma unroll
      for (int c_2 = 0; c_2 < 4; ++c_2) {
        // dense_1
        partial[r_2 * 4 + c_2] =
            gc_add(partial[r_2 * 4 + c_2], gc_mul(left[r_2], right[c_2]));
      }
    }
  }
  __syncthreads();
  // store partial
  #pragma unroll
  for (int r_4 = 0; r_4 < 4; ++r_4) {
    gc_store_pack(
        &right_tile[slice * 512 + thread_row * 128 + thread_column * 4 +
            r_4 * 32], partial + r_4 * 4);
  }
  __syncthreads();
  if (threadIdx.x < 128) {
    float s0[4];
    #pragma unroll
    for (int c_3 = 0; c_3 < 4; ++c_3) {
      s0[c_3] = 0.0f;
    }
    // combine the parts of s0
    #pragma unroll
    for (int s0_part_2 = 0; s0_part_2 < 8; ++s0_part_2) {
      float right_tile_pack[4];
      gc_load_pack(right_tile_pack,
          &right_tile[slice * 32 + thread_row * 128 + thread_column * 4 +
              s0_part_2 * 512]);
      #pragma unroll
      for (int c_5 = 0; c_5 < 4; ++c_5) {
        s0[c_5] = gc_add(s0[c_5], right_tile_pack[c_5]);
      }
    }
    if (tile_row * 16 + slice + thread_row * 4 < batch) {
      float x2_pack[4];
      gc_load_pack(x2_pack,
          &x2[tile_row * 512 + tile_column * 32 + slice * 32 +
              thread_row * 128 + thread_column * 4]);
      float y0_pack[4];
      #pragma unroll
      for (int c_6 = 0; c_6 < 4; ++c_6) {
        const float t0 = gc_add(s0[c_6], x2_pack[c_6]);  // dense_1
        y0_pack[c_6] = t0;
      }
      gc_store_pack(
          &y0[tile_row * 512 + tile_column * 32 + slice * 32 +
              thread_row * 128 + thread_column * 4], y0_pack);
    }
  }
}
