// Where the largest, or smallest, of a row lies, on a CPU: the extreme of some elements first, then
// the first place of an element that is equal to it.
#ifndef GC_HOST_PLACE_H
#define GC_HOST_PLACE_H

#include "host_vector.h"
#include "lanes.h"

#define GC_PLACE_BLOCK 4096  // elements that are read twice while they are in the first cache
#define GC_PLACE_LANES 32    // extremes that are carried side by side

template <typename R, typename T> GC_DEVICE T gc_extreme_of_two(T x, T y) {
  return R::largest ? gc_larger_in_lanes(x, y) : gc_smaller_in_lanes(x, y);
}

// lane[0] = the extreme of twice as many lanes as `half`.
template <typename R, int half, typename T> inline void gc_extreme_of_lanes(T* lane) {
  if constexpr (half >= 8) {
#pragma omp simd
    for (int j = 0; j < half; ++j) lane[j] = gc_extreme_of_two<R>(lane[j], lane[j + half]);
  } else {
    for (int j = 0; j < half; ++j) lane[j] = gc_extreme_of_two<R>(lane[j], lane[j + half]);
  }
  if constexpr (half > 1) gc_extreme_of_lanes<R, half / 2>(lane);
}

// The extreme of at least one element; NaN if one is NaN.
template <typename R, typename T> inline T gc_extreme(int count, const T* __restrict__ x) {
  constexpr int lanes = GC_PLACE_LANES;
  T best = x[0];
  int i = 0;
  if (count >= lanes) {
    T lane[lanes];
#pragma omp simd
    for (int j = 0; j < lanes; ++j) lane[j] = x[j];
    for (i = lanes; i + lanes <= count; i += lanes) {
#pragma omp simd
      for (int j = 0; j < lanes; ++j) lane[j] = gc_extreme_of_two<R>(lane[j], x[i + j]);
    }
    gc_extreme_of_lanes<R, lanes / 2>(lane);
    best = lane[0];
  }
  for (; i < count; ++i) best = gc_extreme_of_two<R>(best, x[i]);
  return best;
}

// A bit for each of 64 elements: whether it is equal to another one.
template <typename T> inline gc_uint64 gc_equal_bits(const T* x, T wanted) {
  gc_uint64 bits = 0;
#if defined(__AVX__)
  if constexpr (gc_is_same<T, float>) {
    typedef typename gc_vector<T>::type V;
    constexpr int lanes = gc_vector<T>::lanes;
    const V all = wanted - V{};
#pragma GCC unroll 8
    for (int k = 0; k < 64; k += lanes) {
      const V part = *reinterpret_cast<const V*>(x + k);
#if defined(__AVX512F__)
      const unsigned short equal = __builtin_ia32_cmpps512_mask(part, all, 0, 0xffff, GC_ROUNDING);
#else
      const int equal = __builtin_ia32_movmskps256((V)(part == all));
#endif
      bits |= (gc_uint64)equal << k;
    }
    return bits;
  }
#endif
  for (int j = 0; j < 64; ++j) bits |= (gc_uint64)(x[j] == wanted) << j;
  return bits;
}

// The first place of an element that is there; where NaN is wanted, that of the first NaN.
template <typename T> inline int gc_first_place(int count, const T* __restrict__ x, T wanted) {
  int i = 0;
  if (wanted == wanted) {
    for (; i + 64 <= count; i += 64) {
      const gc_uint64 bits = gc_equal_bits(x + i, wanted);
      if (bits != 0) return i + __builtin_ctzll(bits);
    }
  }
  while (wanted == wanted ? x[i] != wanted : x[i] == x[i]) ++i;
  return i;
}

// Goes on with the elements of a row, whose places are their numbers: as gc_carry with each.
template <typename R, typename T>
inline void gc_carry_row(int count, const T* x, T& best, int& place) {
  for (int from = 0; from < count; from += GC_PLACE_BLOCK) {
    const int size = count - from < GC_PLACE_BLOCK ? count - from : GC_PLACE_BLOCK;
    const T extreme = gc_extreme<R>(size, x + from);
    const bool is_better = R::largest ? extreme > best : extreme < best;
    const bool is_first_nan = extreme != extreme && best == best;
    if (place >= 0 && !is_better && !is_first_nan) continue;
    best = extreme;
    place = from + gc_first_place(size, x + from, extreme);
  }
}

#endif
