// What loops need: how bools are read, and how a maximum and a minimum are carried.
#ifndef GC_LANES_H
#define GC_LANES_H

#include "reduce.cuh"

// A bool in memory. g++ 12 leaves a loop scalar that reads bools and selects floats by them, and
// its branches cost twenty times as much; from a byte it makes a mask.
GC_DEVICE bool gc_flag(const bool& x) { return reinterpret_cast<const unsigned char&>(x) != 0; }

// The larger, and the smaller, of two; NaN where either is. Of equal ones the first, which is carried
// from turn to turn: a comparison with it would take longer than the rest, so it is the second one
// that is asked for NaN, and the first one, if it is NaN, is neither larger nor smaller.
template <typename T> GC_DEVICE T gc_larger(T x, T y) {
  const T larger = y > x ? y : x;
  return y != y ? y : larger;
}
template <typename T> GC_DEVICE T gc_smaller(T x, T y) {
  const T smaller = y < x ? y : x;
  return y != y ? y : smaller;
}

#endif
