// What loops need: how bools are read, and how a maximum and a minimum are carried.
#ifndef GC_LANES_H
#define GC_LANES_H

#include "reduce.cuh"

// A bool in memory. g++ 12 leaves a loop scalar that reads bools and selects floats by them, and
// its branches cost twenty times as much; from a byte it makes a mask.
GC_DEVICE bool gc_flag(const bool& x) { return reinterpret_cast<const unsigned char&>(x) != 0; }

// The larger, and the smaller, of two; NaN where either is. gc_maximum and gc_minimum are made for
// bounds: they ask the second one for NaN. Here it is the first one, which is carried from turn to
// turn, and the rest is one instruction. (Maxima of 1,024 in 32 lanes took 70 ns, 98 with
// gc_maximum; AVX-512.)
template <typename T> GC_DEVICE T gc_larger(T x, T y) {
  const T larger = x > y ? x : y;
  return x != x ? x : larger;
}
template <typename T> GC_DEVICE T gc_smaller(T x, T y) {
  const T smaller = x < y ? x : y;
  return x != x ? x : smaller;
}

// The same of a vector's lanes. A comparison takes longer than the rest, so the second one is asked
// for NaN, which no turn waits for; the first one, if it is NaN, is neither larger nor smaller.
// (Maxima of 1,024 in 32 lanes took 62 ns, 46 so; what is no vector takes 1.7 times as long so.)
template <typename T> GC_DEVICE T gc_larger_in_lanes(T x, T y) {
  const T larger = y > x ? y : x;
  return y != y ? y : larger;
}
template <typename T> GC_DEVICE T gc_smaller_in_lanes(T x, T y) {
  const T smaller = y < x ? y : x;
  return y != y ? y : smaller;
}

#endif
