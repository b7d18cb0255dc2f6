// What loops need: reductions over the lanes of a vector (`#pragma omp simd reduction(... : x)`),
// and how bools are read.
//
// Each lane reduces every n-th element; then the lanes are put together in their order.
// gc_lanes_max and gc_lanes_min keep NaN, as OpenMP's own max and min do not.
#ifndef GC_LANES_H
#define GC_LANES_H

#include "reduce.cuh"

// A bool in memory. g++ 12 leaves a loop scalar that reads bools and selects floats by them, and
// its branches cost twenty times as much; from a byte it makes a mask.
GC_DEVICE bool gc_flag(const bool& x) { return reinterpret_cast<const unsigned char&>(x) != 0; }

#define GC_PRAGMA(text) _Pragma(#text)
#define GC_LANES(name, T)                                                                     \
  GC_PRAGMA(omp declare reduction(gc_lanes_##name : T : omp_out =                             \
                                      gc_reduce_##name::combine(omp_out, omp_in))             \
            initializer(omp_priv = gc_reduce_##name::identity<T>()))
#define GC_LANES_OF_NUMBERS(name) \
  GC_LANES(name, float)           \
  GC_LANES(name, double)          \
  GC_LANES(name, int)             \
  GC_LANES(name, unsigned int)    \
  GC_LANES(name, gc_int64)

GC_LANES_OF_NUMBERS(sum)
GC_LANES_OF_NUMBERS(prod)
GC_LANES_OF_NUMBERS(max)
GC_LANES_OF_NUMBERS(min)
GC_LANES(any, bool)
GC_LANES(all, bool)

#undef GC_LANES_OF_NUMBERS
#undef GC_LANES
#undef GC_PRAGMA

#endif
