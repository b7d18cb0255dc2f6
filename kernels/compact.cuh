// Stream compaction: what the lanes of a warp select is listed without holes, in their order.
#ifndef GC_COMPACT_CUH
#define GC_COMPACT_CUH

#include "platform.h"

#ifdef __CUDACC__

// `count`, which all lanes have alike, grows by how many lanes have a number that is not 0. All
// lanes of the warp have to call, here and below.
GC_DEVICE void gc_count_of_32_lanes(int& count, int number) {
  count += __popc(__ballot_sync(0xffffffffu, number != 0));
}

// The numbers of the lanes that are not 0 are listed from `first` on, each less 1, and `first`,
// which all lanes have alike, is behind the last one then.
GC_DEVICE void gc_list_of_32_lanes(int* listed, int& first, int number) {
  const unsigned int votes = __ballot_sync(0xffffffffu, number != 0);
  const unsigned int lanes_before = (1u << threadIdx.x % 32) - 1u;
  if (number != 0) listed[first + __popc(votes & lanes_before)] = number - 1;
  first += __popc(votes);
}

#endif

#endif
