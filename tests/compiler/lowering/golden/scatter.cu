// k0_scatter: gradient of embedding_1: scatter_add, mul, sub
// 20000 x 128 elements, tiles of sums by blocks
// x0: W float32[20000, 128]
// x1: words int32[batch, 80]
// x2: gradient of embedding_1/cotangents float32[batch, 80, 128]
// y0: gradient of embedding_1/sub float32[20000, 128]
extern "C" __global__ void __launch_bounds__(256) k0_scatter(
    int batch, gc_uint64* status, const float* __restrict__ x0,
    const int* __restrict__ x1, const float* __restrict__ x2, float* y0) {
  const int row_block = blockIdx.x;
  __shared__ __align__(16) float s0[2048];
  // begin the sums of the tile
  const int group = threadIdx.x / 128;
  const int column = threadIdx.x % 128;
  for (int row = 0; row < 8; ++row) {
    s0[group * 128 + column + row * 256] = 0.0f;
  }
  __syncthreads();
  __shared__ __align__(16) int place_list[1024];
  __shared__ __align__(16) int counts[8];
  // look at all indices, in chunks
  for (int chunk = 0; chunk < (80 * batch + 1023) / 1024; ++chunk) {
    int numbers[4];
    const int warp = threadIdx.x / 32;
    const int lane = threadIdx.x % 32;
    // find the places whose index is a row of the tile
    #pragma unroll
    for (int round = 0; round < 4; ++round) {
      int number = 0;
      if (chunk * 1024 + warp * 128 + lane + round * 32 < 80 * batch) {
        const int g0 =
            gc_check_index(status, 0,
                chunk * 1024 + warp * 128 + lane + round * 32,
                x1[chunk * 1024 + warp * 128 + lane + round * 32], 20000);
        if (g0 >= row_block * 16 && row_block * 16 + 15 >= g0) {
          number =
              warp * 2048 + lane * 16 + round * 512 + g0 + 1 - row_block * 16;
        }
      }
      numbers[round] = number;
    }
    int found = 0;
    #pragma unroll
    for (int round_2 = 0; round_2 < 4; ++round_2) {
      gc_count_of_32_lanes(found, numbers[round_2]);
    }
    if (lane == 0) {
      counts[warp] = found;
    }
    __syncthreads();
    int total = 0;
    #pragma unroll
    for (int each = 0; each < 8; ++each) {
      total = gc_add(total, counts[each]);
    }
    int first = 0;
    #pragma unroll
    for (int ahead = 0; ahead < 8; ++ahead) {
      if (ahead < warp) {
        first = gc_add(first, counts[ahead]);
      }
    }
    // list them behind those of the warps ahead
    #pragma unroll
    for (int round_3 = 0; round_3 < 4; ++round_3) {
      gc_list_of_32_lanes(place_list, first, numbers[round_3]);
    }
    __syncthreads();
    const int end = total;
    // add what they have, in order; several are read before the first is added
    for (int listed = 0; listed < (end + 3) / 4; ++listed) {
      float s0_terms[4];
      #pragma unroll
      for (int k = 0; k < 4; ++k) {
        if (listed * 4 + k < end) {
          const int selected = place_list[listed * 4 + k];
          if (selected % 2 == group) {
            s0_terms[k] = x2[chunk * 131072 + column + selected / 16 * 128];
          }
        }
      }
      #pragma unroll
      for (int k_2 = 0; k_2 < 4; ++k_2) {
        if (listed * 4 + k_2 < end) {
          const int selected_2 = place_list[listed * 4 + k_2];
          if (selected_2 % 2 == group) {
            s0[group * 128 + column + selected_2 / 2 % 8 * 256] =
                gc_add(s0[group * 128 + column + selected_2 / 2 % 8 * 256],
                    s0_terms[k_2]);  // gradient of embedding_1
          }
        }
      }
    }
  }
  __syncthreads();
  // what follows of the sums
  const int finisher = threadIdx.x / 32;
  const int own = threadIdx.x % 32;
  for (int row_3 = 0; row_3 < 2; ++row_3) {
    float s0_pack[4];
    gc_load_pack(s0_pack, &s0[finisher * 128 + own * 4 + row_3 * 1024]);
    float x0_pack[4];
    gc_load_pack(x0_pack,
        &x0[row_block * 2048 + finisher * 128 + own * 4 + row_3 * 1024]);
    float y0_pack[4];
    #pragma unroll
    for (int part = 0; part < 4; ++part) {
      const float t0 = gc_mul(0.01f, s0_pack[part]);  // gradient of embedding_1
      const float t1 = gc_sub(x0_pack[part], t0);  // gradient of embedding_1
      y0_pack[part] = t1;
    }
    gc_store_pack(
        &y0[row_block * 2048 + finisher * 128 + own * 4 + row_3 * 1024],
        y0_pack);
  }
}
