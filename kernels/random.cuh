// Counter-based random numbers: Philox4x32-10.
//
// Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. A word is a
// function of its position alone, so any thread computes any element, in any order, with no state.
#ifndef GC_RANDOM_CUH
#define GC_RANDOM_CUH

#include "platform.h"

struct gc_words { unsigned int x, y, z, w; };

// One block of four words for a counter of four words and a key of two.
GC_DEVICE gc_words gc_philox(gc_words counter, unsigned int key0, unsigned int key1) {
#ifdef __CUDACC__
#pragma unroll
#endif
  for (int round = 0; round < 10; ++round) {
    gc_uint64 first = (gc_uint64)0xD2511F53u * counter.x;
    gc_uint64 second = (gc_uint64)0xCD9E8D57u * counter.z;
    gc_words next = {(unsigned int)(second >> 32) ^ counter.y ^ key0, (unsigned int)second,
                     (unsigned int)(first >> 32) ^ counter.w ^ key1, (unsigned int)first};
    counter = next;
    key0 += 0x9E3779B9u;  // the golden ratio
    key1 += 0xBB67AE85u;  // sqrt(3) - 1
  }
  return counter;
}

// The block of words of four neighbouring elements of a draw of the graph's `random`: those from
// 4 * block on, by their position in C order.
//   counter: block, the step of the loop, the number of the call (low and high word)
//   key:     seed, stream
GC_DEVICE gc_words gc_random_words(unsigned int block, unsigned int scan_step, gc_uint64 call_step,
                                   unsigned int seed, unsigned int stream) {
  gc_words counter = {block, scan_step, (unsigned int)call_step, (unsigned int)(call_step >> 32)};
  return gc_philox(counter, seed, stream);
}

// One of a block's words; no indexed array: it would live in memory.
GC_DEVICE unsigned int gc_word(gc_words words, unsigned int number) {
  return number < 2u ? (number == 0u ? words.x : words.y) : (number == 2u ? words.z : words.w);
}

// The word of one element. A kernel that needs four neighbours draws a block once.
GC_DEVICE unsigned int gc_random(gc_uint64 element, unsigned int scan_step, gc_uint64 call_step,
                                 unsigned int seed, unsigned int stream) {
  const unsigned int block = (unsigned int)(element >> 2), number = (unsigned int)element & 3u;
  return gc_word(gc_random_words(block, scan_step, call_step, seed, stream), number);
}

#endif
