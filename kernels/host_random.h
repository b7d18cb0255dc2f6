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
typedef gc_uint64 gc_pairs __attribute__((vector_size(8 * GC_DRAWS), aligned(4), may_alias));
typedef unsigned int gc_word_lanes
    __attribute__((vector_size(8 * GC_DRAWS), aligned(4), may_alias));

// Blocks are drawn in two such groups: each round waits for its products, and those of the other
// group are made meanwhile.
#define GC_GROUPS 2
#define GC_BLOCKS (GC_GROUPS * GC_DRAWS)

// Products of the lower halves. g++ 12 multiplies whole lanes, whatever is known of the upper ones.
static inline gc_lanes gc_mul_lower(gc_lanes x, gc_lanes y) {
#if defined(__AVX512F__)
  gc_lanes product;
  __asm__("vpmuludq %2, %1, %0" : "=v"(product) : "v"(x), "v"(y));
  return product;
#elif defined(__AVX2__)
  gc_lanes product;
  __asm__("vpmuludq %2, %1, %0" : "=x"(product) : "x"(x), "x"(y));
  return product;
#elif defined(__SSE2__)
  __asm__("pmuludq %1, %0" : "+x"(x) : "x"(y));
  return x;
#else
  return (x & 0xFFFFFFFFu) * (y & 0xFFFFFFFFu);
#endif
}

// As gc_random_words, for the blocks in words[0]: their words.
static inline void gc_random_lanes(gc_lanes (&words)[4][GC_GROUPS], unsigned int scan_step,
                                   gc_uint64 call_step, unsigned int seed, unsigned int stream) {
  const gc_lanes none = {};
  for (int group = 0; group < GC_GROUPS; ++group) {
    words[1][group] = none + scan_step;
    words[2][group] = none + (unsigned int)call_step;
    words[3][group] = none + (call_step >> 32);
  }
  unsigned int key0 = seed, key1 = stream;
#pragma GCC unroll 10
  for (int round = 0; round < 10; ++round) {
#pragma GCC unroll 2
    for (int group = 0; group < GC_GROUPS; ++group) {
      gc_lanes &x = words[0][group], &y = words[1][group];
      gc_lanes &z = words[2][group], &w = words[3][group];
      const gc_lanes first = gc_mul_lower(x, none + 0xD2511F53u);
      const gc_lanes second = gc_mul_lower(z, none + 0xCD9E8D57u);
      x = (second >> 32) ^ y ^ (none + key0), y = second;
      z = (first >> 32) ^ w ^ (none + key1), w = first;
    }
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

// The lower halves of both groups, side by side.
static inline gc_word_lanes gc_lower_halves(const gc_lanes (&of)[GC_GROUPS]) {
  const gc_word_lanes left = (gc_word_lanes)of[0], right = (gc_word_lanes)of[1];
#if GC_DRAWS == 8
  return __builtin_shufflevector(left, right, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26,
                                 28, 30);
#elif GC_DRAWS == 4
  return __builtin_shufflevector(left, right, 0, 2, 4, 6, 8, 10, 12, 14);
#else
  return __builtin_shufflevector(left, right, 0, 2, 4, 6);
#endif
}

// The words of the blocks first + four + i * step for i below `count` and four below `fours`, in
// rows of `row` words: to[4 * four + number][i] is the word `number` of one.
static inline void gc_random_columns(unsigned int* to, int row, int fours, int count,
                                     unsigned int first, unsigned int step,
                                     unsigned int scan_step, gc_uint64 call_step,
                                     unsigned int seed, unsigned int stream) {
  const gc_lanes steps = gc_steps(step);
  for (int four = 0; four < fours; ++four, ++first, to += 4 * (ptrdiff_t)row) {
    for (int i = 0; i < count; i += GC_BLOCKS) {
      gc_lanes words[4][GC_GROUPS];
      words[0][0] = steps + (first + i * step);
      words[0][1] = steps + (first + (i + GC_DRAWS) * step);
      gc_random_lanes(words, scan_step, call_step, seed, stream);
      if (count - i >= GC_BLOCKS) {
#pragma GCC unroll 4
        for (int number = 0; number < 4; ++number) {
          unsigned int* const part = to + number * (ptrdiff_t)row + i;
          *reinterpret_cast<gc_word_lanes*>(part) = gc_lower_halves(words[number]);
        }
      } else {
        for (int number = 0; number < 4; ++number) {
          const gc_word_lanes rest = gc_lower_halves(words[number]);
          for (int k = 0; k < count - i; ++k) to[number * (ptrdiff_t)row + i + k] = rest[k];
        }
      }
    }
  }
}

// The words of GC_BLOCKS blocks from `block` on, in order.
static inline void gc_random_run(unsigned int* to, gc_lanes steps, unsigned int block,
                                 unsigned int scan_step, gc_uint64 call_step, unsigned int seed,
                                 unsigned int stream) {
  gc_lanes drawn[4][GC_GROUPS];
  drawn[0][0] = steps + block;
  drawn[0][1] = steps + (block + GC_DRAWS);
  gc_random_lanes(drawn, scan_step, call_step, seed, stream);
#pragma GCC unroll 2
  for (int group = 0; group < GC_GROUPS; ++group) {
    const gc_lanes left = (drawn[0][group] & 0xFFFFFFFFu) | drawn[1][group] << 32;
    const gc_lanes right = (drawn[2][group] & 0xFFFFFFFFu) | drawn[3][group] << 32;
    gc_pairs* const pairs = reinterpret_cast<gc_pairs*>(to + 4 * group * GC_DRAWS);
#if GC_DRAWS == 8
    pairs[0] = __builtin_shufflevector(left, right, 0, 8, 1, 9, 2, 10, 3, 11);
    pairs[1] = __builtin_shufflevector(left, right, 4, 12, 5, 13, 6, 14, 7, 15);
#elif GC_DRAWS == 4
    pairs[0] = __builtin_shufflevector(left, right, 0, 4, 1, 5);
    pairs[1] = __builtin_shufflevector(left, right, 2, 6, 3, 7);
#else
    pairs[0] = __builtin_shufflevector(left, right, 0, 2);
    pairs[1] = __builtin_shufflevector(left, right, 1, 3);
#endif
  }
}

// words[i] is the word of the element first + i, for i below `count` and `most`.
template <int most>
static inline void gc_draw_words(int count, unsigned int* words, gc_int64 first,
                                 unsigned int scan_step, gc_uint64 call_step, unsigned int seed,
                                 unsigned int stream) {
  constexpr int of_run = 4 * GC_BLOCKS;
  const int end = count < most ? count : most, lead = (int)first & 3;
  const gc_lanes steps = gc_steps(1);
  unsigned int block = (unsigned int)(first >> 2);
  for (int at = -lead; at < end; at += of_run, block += GC_BLOCKS) {
    unsigned int around[of_run];  // a run that begins or ends outside
    const bool is_inside = at >= 0 && at + of_run <= end;
    gc_random_run(is_inside ? words + at : around, steps, block, scan_step, call_step, seed,
                  stream);
    if (is_inside) continue;
    const int from = at < 0 ? -at : 0, to = end - at < of_run ? end - at : of_run;
    for (int k = from; k < to; ++k) words[at + k] = around[k];
  }
}

// words[row][i] is the word of the element first + row + i * step, for `rows` and i below `count`;
// four divides the rows, the step and the first element, so that a block has words of four rows.
template <int rows, int step>
static inline void gc_draw_columns(int count, unsigned int* words, ptrdiff_t to_row, gc_int64 first,
                                   unsigned int scan_step, gc_uint64 call_step, unsigned int seed,
                                   unsigned int stream) {
  gc_random_columns(words, (int)to_row, rows / 4, count, (unsigned int)(first >> 2), step / 4,
                    scan_step, call_step, seed, stream);
}

#endif
