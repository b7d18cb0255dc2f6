// Random words of neighbouring elements, four from each draw.
#ifndef GC_HOST_RANDOM_H
#define GC_HOST_RANDOM_H

#include "random.cuh"

// As for a 64-bit element, in 32 bits: wider numbers would keep a loop from being vectorised.
GC_DEVICE unsigned int gc_random(int element, unsigned int scan_step, gc_uint64 call_step,
                                 unsigned int seed, unsigned int stream) {
  const unsigned int block = (unsigned int)element >> 2, number = (unsigned int)element & 3u;
  return gc_word(gc_random_words(block, scan_step, call_step, seed, stream), number);
}

#define GC_WORDS 1024  // of a row of words; there is room for those of its first draw before it

// The words of the elements first to first + count - 1, count up to GC_WORDS: where they begin in
// `words`. See gc_random_words for the others.
static inline const unsigned int* gc_random_row(unsigned int (&words)[GC_WORDS + 8], int first,
                                                int count, unsigned int scan_step,
                                                gc_uint64 call_step, unsigned int seed,
                                                unsigned int stream) {
  const int block = first / 4, blocks = (first + count - 1) / 4 - block + 1;
#pragma omp simd
  for (int b = 0; b < blocks; ++b) {
    const gc_words drawn = gc_random_words(block + b, scan_step, call_step, seed, stream);
    words[4 * b] = drawn.x;
    words[4 * b + 1] = drawn.y;
    words[4 * b + 2] = drawn.z;
    words[4 * b + 3] = drawn.w;
  }
  return words + first % 4;
}

#endif
