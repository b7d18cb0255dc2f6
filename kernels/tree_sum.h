// Sums over parts of a batch: a program runs once for each part, and its results are added in a
// binary tree over the parts' numbers, tree(n) = tree(2^k) + tree(n - 2^k), 2^k the largest power
// of two below n. The bits of a sum are those of one addition a node of the tree.
//
// As in a binary counter, at most floor(log2(n)) + 1 partial sums are kept, a row of arrays each:
// part i is computed into the row of the number of ones in i, and added to the row ahead of it once
// for each one at the end of i.
#ifndef GC_TREE_SUM_H
#define GC_TREE_SUM_H

#include <stddef.h>
#include <stdint.h>
#include "openmp.h"
#include "program_call.h"

#define GC_LEAST_SHARED 32768  // elements of an array that threads divide
#define GC_ADDED_AT_ONCE 2048  // elements of a partial sum that stays in the first cache

enum gc_summed { GC_FLOAT32, GC_FLOAT64, GC_INT32, GC_INT64, GC_BOOL };

// An array of each row: how many elements it has, and of what type.
struct gc_summand {
  int64_t elements;
  int64_t type;
};

// What a program is given for a part (templates/cpu/step.c.j2): addresses of buffers, and extents.
struct gc_part {
  void** at;
  const int* size;
};

// An array of all parts: the slot of its address, where the first part's elements begin, and how
// many bytes behind them those of the next part do.
struct gc_divided {
  int64_t slot, start, stride;
};

// Adds arrays of several rows, from the last one on, to that of the first row: the left one of each
// addition is that of the row ahead. What comes in between stays in the cache.
template <typename T, typename Add>
inline void gc_add_arrays(void* const* row, int arrays, int first, int last, int64_t count,
                          Add add) {
#pragma omp parallel for schedule(static) if (count >= GC_LEAST_SHARED)
  for (int64_t begin = 0; begin < count; begin += GC_ADDED_AT_ONCE) {
    const int64_t left = count - begin;
    const int size = left < GC_ADDED_AT_ONCE ? (int)left : GC_ADDED_AT_ONCE;
    T sum[GC_ADDED_AT_ONCE];
    const T* from = static_cast<const T*>(row[last * arrays]) + begin;
    for (int number = last - 1; number >= first; --number) {
      T* ahead = static_cast<T*>(row[number * arrays]) + begin;
      T* to = number == first ? ahead : sum;
#pragma omp simd
      for (int i = 0; i < size; ++i) to[i] = add(ahead[i], from[i]);
      from = to;
    }
  }
}

// The same for all arrays of the rows. Ints wrap around, and a bool is whether either is set, as in
// NumPy.
inline void gc_add_rows(int arrays, const gc_summand* of, void* const* row, int first, int last) {
  const auto sum = [](auto one, auto other) { return one + other; };
  const auto either = [](uint8_t one, uint8_t other) -> uint8_t { return one | other; };
  for (int k = 0; k < arrays; ++k) {
    const int64_t count = of[k].elements;
    void* const* of_rows = row + k;
    switch (of[k].type) {
      case GC_FLOAT32: gc_add_arrays<float>(of_rows, arrays, first, last, count, sum); break;
      case GC_FLOAT64: gc_add_arrays<double>(of_rows, arrays, first, last, count, sum); break;
      case GC_INT32: gc_add_arrays<uint32_t>(of_rows, arrays, first, last, count, sum); break;
      case GC_INT64: gc_add_arrays<uint64_t>(of_rows, arrays, first, last, count, sum); break;
      default: gc_add_arrays<uint8_t>(of_rows, arrays, first, last, count, either);
    }
  }
}

// Runs a program for each part at the same number of calls, and adds. Returns how many parts ran:
// all of them, or those ahead of the one where a check failed, as `status` says.
inline int gc_tree_sum(gc_program program, const gc_part* part, int parts,
                       const gc_divided* divided, int count, const unsigned int* word,
                       uint64_t call_step, uint64_t* status, int arrays, const gc_summand* of,
                       void* const* row) {
  int last = -1;  // the last row that holds a partial sum
  for (int i = 0; i < parts; ++i) {
    for (int k = 0; k < count; ++k) {
      const gc_divided& one = divided[k];
      part[i].at[one.slot] = reinterpret_cast<void*>(one.start + i * one.stride);
    }
    uint64_t calls = call_step;
    program(part[i].at, part[i].size, word, &calls, status, nullptr, nullptr);
    if (~*status != 0) return i;
    int first = ++last;
    for (int ones = i; ones & 1; ones >>= 1) --first;
    gc_add_rows(arrays, of, row, first, last);
    last = first;
  }
  gc_add_rows(arrays, of, row, 0, last);
  return parts;
}

#endif
