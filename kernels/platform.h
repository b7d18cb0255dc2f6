// How a device function is declared, and the types of graphc, for nvcc, NVRTC and a host compiler.
//
//   bool  int (int32)  unsigned int (uint32)  gc_int64 (int64)  float (float32)  double (float64)
//   gc_byte (packed bools)
//
// A host compiler reads the same files: the tests compare every function with NumPy that way.
#ifndef GC_PLATFORM_H
#define GC_PLATFORM_H

#ifdef __CUDACC__
#define GC_DEVICE __device__ __forceinline__
#else
#ifdef GC_NATIVE_MATH
#define GC_DEVICE inline __attribute__((always_inline))  // a loop with a call does not vectorise
#else
#include <math.h>  // not <cmath>: the float overloads have to be found without std::, as in CUDA
#define GC_DEVICE inline
#endif
// What a library of native code shows; all else is hidden (-fvisibility=hidden).
#define GC_EXPORTED __attribute__((visibility("default")))
// A variable that is set when the library is loaded, one of all translation units that define it.
#define GC_SET_BY_LOADER GC_EXPORTED __attribute__((weak))

#if defined(__AVX512F__)
#define GC_VECTOR_BYTES 64
#elif defined(__AVX__)
#define GC_VECTOR_BYTES 32
#else
#define GC_VECTOR_BYTES 16
#endif
// Elements of a whole vector, of which a loop makes as many at a time that computes functions: g++
// takes halves of AVX-512's by itself, as most loops wait for memory.
#define GC_LANES(type) (GC_VECTOR_BYTES / sizeof(type))
#endif

// Where pointwise.cuh takes a mathematical function from: the platform's library, or, in a build
// for the CPU that defines GC_NATIVE_MATH, native_math.h, whose functions vectorise, and for what
// is one instruction (GC_LIBRARY) the compiler itself: g++ reads <math.h> for 0.1 s.
#ifdef GC_NATIVE_MATH
#define GC_MATH(function) gc_native_##function
#define GC_LIBRARY(function) gc_builtin_##function
GC_DEVICE float gc_builtin_fabs(float x) { return __builtin_fabsf(x); }
GC_DEVICE double gc_builtin_fabs(double x) { return __builtin_fabs(x); }
GC_DEVICE float gc_builtin_sqrt(float x) { return __builtin_sqrtf(x); }
GC_DEVICE double gc_builtin_sqrt(double x) { return __builtin_sqrt(x); }
GC_DEVICE float gc_builtin_floor(float x) { return __builtin_floorf(x); }
GC_DEVICE double gc_builtin_floor(double x) { return __builtin_floor(x); }
GC_DEVICE float gc_builtin_fmod(float x, float y) { return __builtin_fmodf(x, y); }
GC_DEVICE double gc_builtin_fmod(double x, double y) { return __builtin_fmod(x, y); }
GC_DEVICE float gc_builtin_copysign(float x, float y) { return __builtin_copysignf(x, y); }
GC_DEVICE double gc_builtin_copysign(double x, double y) { return __builtin_copysign(x, y); }
#else
#define GC_MATH(function) function
#define GC_LIBRARY(function) function
#endif

// CUDA and NumPy call different 64-bit types "long" on different systems; this one is 64 on all.
typedef long long gc_int64;
typedef unsigned long long gc_uint64;
typedef unsigned char gc_byte;

// Not the macros of <math.h>: NVRTC has none.
template <typename T> GC_DEVICE T gc_infinity() { return T(1e300 * 1e300); }
template <typename T> GC_DEVICE T gc_nan() { return gc_infinity<T>() - gc_infinity<T>(); }

#endif
