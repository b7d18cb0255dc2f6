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

#define GC_LEAST_SHARED 32768  // elements of an array that threads divide

enum gc_summed { GC_FLOAT32, GC_FLOAT64, GC_INT32, GC_INT64, GC_BOOL };

// An array of each row: how many elements it has, and of what type.
struct gc_summand {
  int64_t elements;
  int64_t type;
};

// What a program is given for a part (templates/step.c.j2): addresses of buffers, and extents.
struct gc_part {
  void* const* at;
  const int* size;
};

typedef void (*gc_program)(void* const*, const int*, const unsigned int*, uint64_t*, uint64_t*,
                           double*, int (*)(int));

template <typename T, typename Add>
inline void gc_add_array(void* left, const void* right, int64_t count, Add add) {
  T* __restrict__ to = static_cast<T*>(left);
  const T* __restrict__ from = static_cast<const T*>(right);
#pragma omp parallel for schedule(static) if (count >= GC_LEAST_SHARED)
  for (int64_t i = 0; i < count; ++i) to[i] = add(to[i], from[i]);
}

// Adds a row to another one; ints wrap around, and a bool is whether either is set, as in NumPy.
inline void gc_add_row(int arrays, const gc_summand* of, void* const* to, void* const* from) {
  const auto sum = [](auto one, auto other) { return one + other; };
  for (int k = 0; k < arrays; ++k) {
    const int64_t count = of[k].elements;
    switch (of[k].type) {
      case GC_FLOAT32: gc_add_array<float>(to[k], from[k], count, sum); break;
      case GC_FLOAT64: gc_add_array<double>(to[k], from[k], count, sum); break;
      case GC_INT32: gc_add_array<uint32_t>(to[k], from[k], count, sum); break;
      case GC_INT64: gc_add_array<uint64_t>(to[k], from[k], count, sum); break;
      default:
        gc_add_array<uint8_t>(to[k], from[k], count, [](auto one, auto other) -> uint8_t {
          return one | other;
        });
    }
  }
}

// Runs a program for each part at the same number of calls, and adds. Returns how many parts ran:
// all of them, or those ahead of the one where a check failed, as `status` says.
inline int gc_tree_sum(gc_program program, const gc_part* part, int parts,
                       const unsigned int* word, uint64_t call_step, uint64_t* status, int arrays,
                       const gc_summand* of, void* const* row) {
  int kept = 0;
  for (int i = 0; i < parts; ++i) {
    uint64_t calls = call_step;
    program(part[i].at, part[i].size, word, &calls, status, nullptr, nullptr);
    if (~*status != 0) return i;
    ++kept;
    for (int ones = i; ones & 1; ones >>= 1, --kept) {
      gc_add_row(arrays, of, row + (kept - 2) * arrays, row + (kept - 1) * arrays);
    }
  }
  for (; kept > 1; --kept) {
    gc_add_row(arrays, of, row + (kept - 2) * arrays, row + (kept - 1) * arrays);
  }
  return parts;
}

#endif
