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

// ---- parts of a draw ----------------------------------------------------------------------------
//
// A part has the words that its elements have in a draw that is longer along one axis. Elements
// from that axis on are a run of neighbours in both, so the word of an element is `shift` behind
// the element's own position, and the shift is one for all of a run.

// The words of four neighbours in a run, from `first` on, a multiple of four. See gc_random_words
// for the others.
GC_DEVICE gc_words gc_random_words(gc_int64 shift, int first, unsigned int scan_step,
                                   gc_uint64 call_step, unsigned int seed, unsigned int stream) {
  const unsigned int block = (unsigned int)(shift >> 2) + (unsigned int)first / 4u;
  const gc_words words = gc_random_words(block, scan_step, call_step, seed, stream);
  const unsigned int lead = (unsigned int)shift & 3u;
  if (lead == 0u) return words;
  const gc_words next = gc_random_words(block + 1u, scan_step, call_step, seed, stream);
  if (lead == 1u) return {words.y, words.z, words.w, next.x};
  if (lead == 2u) return {words.z, words.w, next.x, next.y};
  return {words.w, next.x, next.y, next.z};
}

// The word of one element, in 32 bits but for what is the same in a run.
GC_DEVICE unsigned int gc_random(gc_int64 shift, int element, unsigned int scan_step,
                                 gc_uint64 call_step, unsigned int seed, unsigned int stream) {
  const unsigned int at = ((unsigned int)shift & 3u) + (unsigned int)element;
  const unsigned int block = (unsigned int)(shift >> 2) + (at >> 2);
  return gc_word(gc_random_words(block, scan_step, call_step, seed, stream), at & 3u);
}

// ---- four registers -----------------------------------------------------------------------------

GC_DEVICE void gc_to_registers(unsigned int* to, gc_words words) {
  to[0] = words.x;
  to[1] = words.y;
  to[2] = words.z;
  to[3] = words.w;
}

// The words of a block, as of gc_random_words.
GC_DEVICE void gc_random_pack(unsigned int* to, unsigned int block, unsigned int scan_step,
                              gc_uint64 call_step, unsigned int seed, unsigned int stream) {
  gc_to_registers(to, gc_random_words(block, scan_step, call_step, seed, stream));
}
GC_DEVICE void gc_random_pack(unsigned int* to, gc_int64 shift, int first,
                              unsigned int scan_step, gc_uint64 call_step, unsigned int seed,
                              unsigned int stream) {
  gc_to_registers(to, gc_random_words(shift, first, scan_step, call_step, seed, stream));
}

#endif
