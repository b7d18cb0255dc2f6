// The bits of float and double, for branch-free functions in loops that a C++ compiler vectorises.
//
// gc_native_<function> of native_math.h, native_trigonometry.h and native_power.h stand on these.
// Numbers and integers change into each other through their bits: conversion instructions of
// 64-bit integers are missing before AVX-512.
#ifndef GC_NATIVE_FLOAT_H
#define GC_NATIVE_FLOAT_H

#include "platform.h"

// T's bits as an unsigned integer, its fraction's digits, its exponent's bias.
template <typename T> struct gc_format;
template <> struct gc_format<float> {
  typedef unsigned int Bits;
  static const Bits digits = 23, bias = 127, sign = 0x80000000u;
};
template <> struct gc_format<double> {
  typedef gc_uint64 Bits;
  static const Bits digits = 52, bias = 1023, sign = 0x8000000000000000u;
};

// memcpy, because a union is undefined in C++; compilers make a register move of it.
GC_DEVICE unsigned int gc_bits(float x) {
  unsigned int bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  return bits;
}
GC_DEVICE gc_uint64 gc_bits(double x) {
  gc_uint64 bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  return bits;
}
GC_DEVICE float gc_from_bits(unsigned int bits) {
  float x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}
GC_DEVICE double gc_from_bits(gc_uint64 bits) {
  double x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}

// A choice without a branch. Where a compiler is given one, it may split what follows into the two
// cases, which g++ 12 does not put together again: a chain of maxima stays scalar then.
GC_DEVICE float gc_select(bool condition, float yes, float no) {
  const unsigned int mask = 0u - (unsigned int)condition;
  return gc_from_bits((gc_bits(yes) & mask) | (gc_bits(no) & ~mask));
}
GC_DEVICE double gc_select(bool condition, double yes, double no) {
  const gc_uint64 mask = (gc_uint64)0 - (gc_uint64)condition;
  return gc_from_bits((gc_bits(yes) & mask) | (gc_bits(no) & ~mask));
}
GC_DEVICE unsigned int gc_select(bool condition, unsigned int yes, unsigned int no) {
  const unsigned int mask = 0u - (unsigned int)condition;
  return (yes & mask) | (no & ~mask);
}

// x with the sign of y. x >= 0, or -0 or NaN whose sign does not matter.
template <typename T> GC_DEVICE T gc_with_sign(T x, T y) {
  return gc_from_bits(gc_bits(x) | (gc_bits(y) & gc_format<T>::sign));
}

// 2**digits, above which all numbers are whole: its last digit counts ones.
template <typename T> GC_DEVICE T gc_whole() {
  typedef gc_format<T> F;
  return gc_from_bits((F::bias + F::digits) << F::digits);
}

// x * y + z: in one rounding where the processor has that instruction, else in two. Each product
// that goes into a sum is written so; thus a compiler finds nothing else to contract, and the
// result does not hang on its level of optimisation.
#if defined(__FMA__) || defined(__aarch64__)
#define GC_NATIVE_FMA 1
GC_DEVICE float gc_fma(float x, float y, float z) { return __builtin_fmaf(x, y, z); }
GC_DEVICE double gc_fma(double x, double y, double z) { return __builtin_fma(x, y, z); }
#else
template <typename T> GC_DEVICE T gc_fma(T x, T y, T z) { return x * y + z; }
#endif

// c0 + c1 x + c2 x**2 + ..., by Horner's rule.
template <typename T> GC_DEVICE T gc_polynomial(T, T c) { return c; }
template <typename T, typename... Rest>
GC_DEVICE T gc_polynomial(T x, T c, Rest... rest) {
  return gc_fma(gc_polynomial(x, rest...), x, c);
}

// c0 + c1 x + ... + c7 x**7, by Estrin's scheme ("Organization of computer systems", 1960): four
// steps behind each other, where Horner's rule has seven, for two products more.
template <typename T>
GC_DEVICE T gc_polynomial_by_pairs(T x, T c0, T c1, T c2, T c3, T c4, T c5, T c6, T c7) {
  const T square = x * x;
  const T low = gc_fma(gc_fma(c3, x, c2), square, gc_fma(c1, x, c0));
  const T high = gc_fma(gc_fma(c7, x, c6), square, gc_fma(c5, x, c4));
  return gc_fma(high, square * square, low);
}

// The whole number nearest to x * factor, half to even, if less than 2**(digits - 1); in *count
// modulo 2**32 or 2**64.
template <typename T> GC_DEVICE T gc_nearest(T x, T factor, typename gc_format<T>::Bits* count) {
  const T shift = gc_whole<T>() * T(1.5);
  const T shifted = gc_fma(x, factor, shift);
  *count = gc_bits(shifted) - gc_bits(shift);
  return shifted - shift;
}

// A whole number 0 <= n < 2**digits as a float.
template <typename T> GC_DEVICE T gc_from_whole(typename gc_format<T>::Bits n) {
  return gc_from_bits(n | gc_bits(gc_whole<T>())) - gc_whole<T>();
}

// x * 2**n for |n| < 2 * bias, in two steps: 2**n itself may be no number of the type. The first
// product is exact, the second rounds once where the result overflows or is subnormal.
template <typename T> GC_DEVICE T gc_times_power(T x, typename gc_format<T>::Bits n) {
  typedef gc_format<T> F;
  const typename F::Bits half = ((n + 2 * F::bias) >> 1) - F::bias;  // a shift of a positive number
  return x * gc_from_bits((half + F::bias) << F::digits) *
         gc_from_bits((n - half + F::bias) << F::digits);
}

template <typename T> GC_DEVICE T gc_native_rint(T x) {
  const T size = GC_LIBRARY(fabs)(x);
  const T rounded = gc_with_sign((size + gc_whole<T>()) - gc_whole<T>(), x);
  return size < gc_whole<T>() ? rounded : x;
}

template <typename T> GC_DEVICE T gc_native_floor(T x) {
  const T rounded = gc_native_rint(x);
  return rounded > x ? rounded - T(1) : rounded;
}

// ---- twice the digits -------------------------------------------------------------------------

// A number as the sum of two, |low| at most half a unit in the last place of |high|
// (Dekker, "A floating-point technique for extending the available precision", 1971).
struct gc_pair { double high, low; };

// The exact sum, for |x| >= |y| or x = 0.
GC_DEVICE gc_pair gc_pair_sum(double x, double y) {
  const double high = x + y;
  const gc_pair sum = {high, y - (high - x)};
  return sum;
}

// The exact product.
GC_DEVICE gc_pair gc_pair_product(double x, double y) {
  const double high = x * y;
#ifdef GC_NATIVE_FMA
  const gc_pair product = {high, gc_fma(x, y, -high)};
#else
  const gc_uint64 leading = ~(gc_uint64)0x7ffffff;  // the upper half of the digits
  const double x1 = gc_from_bits(gc_bits(x) & leading), x2 = x - x1;
  const double y1 = gc_from_bits(gc_bits(y) & leading), y2 = y - y1;
  const gc_pair product = {high, ((x1 * y1 - high) + x1 * y2 + x2 * y1) + x2 * y2};
#endif
  return product;
}

#endif
