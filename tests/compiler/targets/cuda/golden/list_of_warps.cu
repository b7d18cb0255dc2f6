extern "C" __global__ void __launch_bounds__(128) list_of_warps(
    const int* __restrict__ x0, int* y0) {
  const int block = blockIdx.x;
  int numbers[2];
  __shared__ __align__(16) int counts[2];
  __shared__ __align__(16) int listed[128];
  if (threadIdx.x < 64) {
    const int warp = threadIdx.x / 32;
    const int lane = threadIdx.x % 32;
    #pragma unroll
    for (int turn = 0; turn < 2; ++turn) {
      numbers[turn] = x0[block * 128 + warp * 64 + lane + turn * 32];
    }
    int f = 0;
    #pragma unroll
    for (int round = 0; round < 2; ++round) {
      gc_count_of_32_lanes(f, numbers[round]);
    }
    if (lane == 0) {
      counts[warp] = f;
    }
  }
  __syncthreads();
  if (threadIdx.x < 64) {
    const int warp_2 = threadIdx.x / 32;
    int first = 0;
    for (int ahead = 0; ahead < 2; ++ahead) {
      if (ahead < warp_2) {
        first = gc_add(first, counts[ahead]);
      }
    }
    #pragma unroll
    for (int round_2 = 0; round_2 < 2; ++round_2) {
      gc_list_of_32_lanes(listed, first, numbers[round_2]);
    }
  }
  int total = 0;
  for (int every = 0; every < 2; ++every) {
    total = gc_add(total, counts[every]);
  }
  __syncthreads();
  const int end = total;
  const int again = threadIdx.x / 64;
  const int place = threadIdx.x % 64;
  y0[block * 128 + again * 64 + place] = -1;
  if (again * 64 + place < end) {
    y0[block * 128 + again * 64 + place] = listed[again * 64 + place];
  }
}
