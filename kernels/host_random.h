// Random words of neighbouring elements, four from each draw.
#ifndef GC_HOST_RANDOM_H
#define GC_HOST_RANDOM_H

#include <stddef.h>

#include "random.cuh"

// As for a 64-bit element, in 32 bits: wider numbers would keep a loop from being vectorised.
GC_DEVICE unsigned int gc_random(int element, unsigned int scan_step, gc_uint64 call_step,
                                 unsigned int seed, unsigned int stream) {
  const unsigned int block = (unsigned int)element >> 2, number = (unsigned int)element & 3u;
  return gc_word(gc_random_words(block, scan_step, call_step, seed, stream), number);
}

// ---- several draws at once ----------------------------------------------------------------------

// A word of each of GC_DRAWS blocks, in the lower half of a lane; the upper halves hold anything.
#if defined(__AVX512F__)
#define GC_DRAWS 8
#elif defined(__AVX2__)
#define GC_DRAWS 4
#else
#define GC_DRAWS 2
#endif
typedef gc_uint64 gc_lanes __attribute__((vector_size(8 * GC_DRAWS)));
typedef unsigned int gc_half_lanes
    __attribute__((vector_size(4 * GC_DRAWS), aligned(4), may_alias));
typedef gc_uint64 gc_pairs __attribute__((vector_size(8 * GC_DRAWS), aligned(4), may_alias));

// Products of the lower halves. g++ 12 multiplies whole lanes, whatever is known of the upper ones.
static inline gc_lanes gc_mul_lower(gc_lanes x, gc_lanes y) {
#if defined(__AVX512F__)
  __asm__("vpmuludq %1, %0, %0" : "+v"(x) : "v"(y));
  return x;
#elif defined(__AVX2__)
  __asm__("vpmuludq %1, %0, %0" : "+x"(x) : "x"(y));
  return x;
#elif defined(__SSE2__)
  __asm__("pmuludq %1, %0" : "+x"(x) : "x"(y));
  return x;
#else
  return (x & 0xFFFFFFFFu) * (y & 0xFFFFFFFFu);
#endif
}

// As gc_random_words, for the blocks in `x`: their words.
static inline void gc_random_lanes(gc_lanes& x, gc_lanes& y, gc_lanes& z, gc_lanes& w,
                                   unsigned int scan_step, gc_uint64 call_step, unsigned int seed,
                                   unsigned int stream) {
  const gc_lanes none = {};
  y = none + scan_step, z = none + (unsigned int)call_step, w = none + (call_step >> 32);
  unsigned int key0 = seed, key1 = stream;
#pragma GCC unroll 10
  for (int round = 0; round < 10; ++round) {
    const gc_lanes first = gc_mul_lower(x, none + 0xD2511F53u);
    const gc_lanes second = gc_mul_lower(z, none + 0xCD9E8D57u);
    x = (second >> 32) ^ y ^ (none + key0), y = second;
    z = (first >> 32) ^ w ^ (none + key1), w = first;
    key0 += 0x9E3779B9u, key1 += 0xBB67AE85u;
  }
}

// 0, step, 2 * step, ...
static inline gc_lanes gc_steps(unsigned int step) {
  const gc_lanes none = {};
#if GC_DRAWS == 8
  const gc_lanes numbers = {0, 1, 2, 3, 4, 5, 6, 7};
#elif GC_DRAWS == 4
  const gc_lanes numbers = {0, 1, 2, 3};
#else
  const gc_lanes numbers = {0, 1};
#endif
  return gc_mul_lower(numbers, none + step);
}

// The words of `count` blocks, each `step` after the one before, in four rows: the first words of
// all in to[0], to[1], ..., the second ones from to[row] on, and so forth.
static inline void gc_random_columns(unsigned int* to, int row, int count, unsigned int first,
                                     unsigned int step, unsigned int scan_step,
                                     gc_uint64 call_step, unsigned int seed,
                                     unsigned int stream) {
  const gc_lanes steps = gc_steps(step);
  for (int i = 0; i < count; i += GC_DRAWS) {
    gc_lanes words[4];
    words[0] = steps + (first + i * step);
    gc_random_lanes(words[0], words[1], words[2], words[3], scan_step, call_step, seed, stream);
    for (int number = 0; number < 4; ++number) {
      const gc_half_lanes half = __builtin_convertvector(words[number], gc_half_lanes);
      unsigned int* const part = to + (ptrdiff_t)number * row + i;
      if (count - i >= GC_DRAWS) {
        *reinterpret_cast<gc_half_lanes*>(part) = half;
      } else {
        for (int lane = 0; lane < count - i; ++lane) part[lane] = half[lane];
      }
    }
  }
}

#define GC_WORDS 1024  // of a row of words; there is room for those of its draws around it
#define GC_ROOM (GC_WORDS + 8 * GC_DRAWS)

// The words of the elements first to first + count - 1, count up to GC_WORDS: where they begin in
// `words`. See gc_random_words for the others.
static inline const unsigned int* gc_random_row(unsigned int (&words)[GC_ROOM], int first,
                                                int count, unsigned int scan_step,
                                                gc_uint64 call_step, unsigned int seed,
                                                unsigned int stream) {
  const int block = first / 4, blocks = (first + count - 1) / 4 - block + 1;
  const gc_lanes steps = gc_steps(1);
  for (int b = 0; b < blocks; b += GC_DRAWS) {
    gc_lanes x = steps + (unsigned int)(block + b), y, z, w;
    gc_random_lanes(x, y, z, w, scan_step, call_step, seed, stream);
    const gc_lanes left = (x & 0xFFFFFFFFu) | y << 32, right = (z & 0xFFFFFFFFu) | w << 32;
    gc_pairs* const to = reinterpret_cast<gc_pairs*>(words + 4 * b);
#if GC_DRAWS == 8
    to[0] = __builtin_shufflevector(left, right, 0, 8, 1, 9, 2, 10, 3, 11);
    to[1] = __builtin_shufflevector(left, right, 4, 12, 5, 13, 6, 14, 7, 15);
#elif GC_DRAWS == 4
    to[0] = __builtin_shufflevector(left, right, 0, 4, 1, 5);
    to[1] = __builtin_shufflevector(left, right, 2, 6, 3, 7);
#else
    to[0] = __builtin_shufflevector(left, right, 0, 2);
    to[1] = __builtin_shufflevector(left, right, 1, 3);
#endif
  }
  return words + first % 4;
}

#endif
