// Vectors of a CPU, and the one way in which products are added up: a number times a vector's lanes
// plus those of another one, rounded as gc_fma rounds. Compilers are told to contract nothing by
// themselves (-ffp-contract=off): they would do it in a loop's vectors and not in its remainder, so
// that a sum's bits would depend on how many rows there are.
#ifndef GC_HOST_VECTOR_H
#define GC_HOST_VECTOR_H

#include <stddef.h>

#include "native_float.h"

// Whether two types are one: g++ reads <type_traits> for as long as a kernel's few loops.
template <typename T, typename U> constexpr bool gc_is_same = false;
template <typename T> constexpr bool gc_is_same<T, T> = true;

template <typename T> struct gc_mask_element;  // an integer as wide as T
template <> struct gc_mask_element<float> { typedef int type; };
template <> struct gc_mask_element<int> { typedef int type; };
template <> struct gc_mask_element<unsigned int> { typedef int type; };
template <> struct gc_mask_element<double> { typedef long long type; };
template <> struct gc_mask_element<long long> { typedef long long type; };

template <typename T> struct gc_vector {
  typedef T type __attribute__((vector_size(GC_VECTOR_BYTES), aligned(sizeof(T)), may_alias));
  static constexpr int lanes = GC_VECTOR_BYTES / sizeof(T);
};

#if defined(__has_builtin)
#if __has_builtin(__builtin_elementwise_fma)
#define GC_ELEMENTWISE_FMA 1
#endif
#endif

// Keeps a vector that is used several times in a register. g++ 12 would load it again for each use,
// as the operand of an instruction: of 4 rows by 2 vectors a term then loads 12 times, where 6 do
// (AVX2, Zen 3, a thread: 65 GFLOP/s, 99 with this). With AVX-512 it keeps them by itself.
#if defined(__SSE__) && !defined(__AVX512F__)
#define GC_IN_REGISTER(vector) asm("" : "+x"(vector))
#elif defined(__aarch64__)
#define GC_IN_REGISTER(vector) asm("" : "+w"(vector))
#else
#define GC_IN_REGISTER(vector)
#endif

// The first lanes of a vector, as many as are left of an array: what is behind them is neither read
// nor written. Whole vectors of AVX need no mask, with which a store is many operations on some of
// its processors.
template <typename T> struct gc_first_lanes {
  typedef typename gc_vector<T>::type V;
  static constexpr bool single = gc_is_same<T, float>;
#if defined(__AVX512F__)
  unsigned short mask;  // a bit a lane
  explicit gc_first_lanes(int lanes) : mask((1u << lanes) - 1) {}
#elif defined(__AVX__)
  int count;
  typedef typename gc_mask_element<T>::type mask_type __attribute__((vector_size(GC_VECTOR_BYTES)));
  mask_type mask;  // the sign of each lane
  explicit gc_first_lanes(int lanes) : count(lanes) {
    for (int i = 0; i < gc_vector<T>::lanes; ++i) mask[i] = i < lanes ? -1 : 0;
  }
#else
  int count;
  explicit gc_first_lanes(int lanes) : count(lanes) {}
#endif

  V load(const T* from) const {
#if defined(__AVX512F__)
    if constexpr (single) {
      return __builtin_ia32_loadups512_mask(from, V{}, mask);
    } else {
      return __builtin_ia32_loadupd512_mask(from, V{}, (unsigned char)mask);
    }
#elif defined(__AVX__)
    if (count == gc_vector<T>::lanes) return *reinterpret_cast<const V*>(from);
    if constexpr (single) {
      return __builtin_ia32_maskloadps256((const V*)from, mask);
    } else {
      return __builtin_ia32_maskloadpd256((const V*)from, mask);
    }
#else
    V first = {};
    __builtin_memcpy(&first, from, count * sizeof(T));
    return first;
#endif
  }

  void store(T* to, V vector) const {
#if defined(__AVX512F__)
    if constexpr (single) {
      __builtin_ia32_storeups512_mask(to, vector, mask);
    } else {
      __builtin_ia32_storeupd512_mask(to, vector, (unsigned char)mask);
    }
#elif defined(__AVX__)
    if (count == gc_vector<T>::lanes) {
      *reinterpret_cast<V*>(to) = vector;
    } else if constexpr (single) {
      __builtin_ia32_maskstoreps256((V*)to, mask, vector);
    } else {
      __builtin_ia32_maskstorepd256((V*)to, mask, vector);
    }
#else
    __builtin_memcpy(to, &vector, count * sizeof(T));
#endif
  }
};

// A function of which a program has one copy, whatever it is called with.
#if defined(__clang__)
#define GC_ONE_COPY static __attribute__((noinline))
#else
#define GC_ONE_COPY static __attribute__((noinline, noclone))
#endif

#define GC_ROUNDING 4  // as the thread has it

// x * y + z. The instructions by the names that g++ and clang++ give them: <immintrin.h>, which
// names them for all compilers, takes 0.2 s to read.
template <typename T, typename V> GC_DEVICE V gc_fma_lanes(T x, V y, V z) {
  const V factor = x - V{};  // x in each lane: less 0 it is itself, -0 too
#if !defined(GC_NATIVE_FMA)
  return factor * y + z;
#elif defined(GC_ELEMENTWISE_FMA)
  return __builtin_elementwise_fma(factor, y, z);
#else
#if defined(__FMA__)
  constexpr bool single = gc_is_same<T, float>;
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64 && single) {
    return __builtin_ia32_vfmaddps512_mask(factor, y, z, 0xffff, GC_ROUNDING);
  } else if constexpr (sizeof(V) == 64) {
    return __builtin_ia32_vfmaddpd512_mask(factor, y, z, 0xff, GC_ROUNDING);
  } else
#endif
  if constexpr (sizeof(V) == 32 && single) {
    return __builtin_ia32_vfmaddps256(factor, y, z);
  } else if constexpr (sizeof(V) == 32) {
    return __builtin_ia32_vfmaddpd256(factor, y, z);
  } else if constexpr (single) {
    return __builtin_ia32_vfmaddps(factor, y, z);
  } else {
    return __builtin_ia32_vfmaddpd(factor, y, z);
  }
#else
  V sum;
  for (unsigned lane = 0; lane < sizeof(V) / sizeof(T); ++lane) {
    sum[lane] = gc_fma(x, y[lane], z[lane]);
  }
  return sum;
#endif
#endif
}

#endif
