// The elementary functions for loops on a CPU: without branches or calls, so that they vectorise.
//
// Results are the same at every level of optimisation. They differ in the last place between
// processors with and without fused multiply-add (gc_fma). Special values are the interpreter's.
// Build with -fno-math-errno (square roots) and -fno-trapping-math (selects); never with
// -ffast-math, which would undo the roundings that are meant here, nor with subnormals flushed.
//
// The largest errors, in units in the last place of the exact result, that tests/kernels holds:
//
//              float   double                 float   double                 float   double
//   exp        1.10    1.10         log       1.00    1.00         sin       0.51    1.00
//   expm1      1.90    2.10         log1p     1.50    1.50         cos       0.51    1.00
//   sigmoid    2.50    2.50         tanh      2.80    2.80         pow       0.51    1.30
//   erf        2.70    2.40         floor, rint: exact
//
// Each function is reduced to a short interval by exact steps (Cody, Waite, "Software Manual for
// the Elementary Functions", 1980; Muller, "Elementary Functions", 3rd ed. 2016) and is a minimax
// polynomial there, found by Remez' exchange algorithm in 60 digits; but erf of float, as it says.
#ifndef GC_NATIVE_MATH_H
#define GC_NATIVE_MATH_H

#include "native_float.h"

// ---- exponential ------------------------------------------------------------------------------

// log 2 in two parts: an exponent times the first is exact.
GC_DEVICE float gc_ln2_high(float) { return 0x1.62e4p-1f; }
GC_DEVICE float gc_ln2_low(float) { return 0x1.7f7d1cp-20f; }
GC_DEVICE double gc_ln2_high(double) { return 0x1.62e42fefa2p-1; }
GC_DEVICE double gc_ln2_low(double) { return 0x1.9ef35793c7673p-41; }

// (exp(r) - 1 - r) / r**2 for |r| <= log(2) / 2.
GC_DEVICE float gc_exp_rest(float r) {
  return gc_polynomial(r, 0x1p-1f, 0x1.5554aep-3f, 0x1.555484p-5f, 0x1.12297p-7f, 0x1.6d9b18p-10f);
}
GC_DEVICE double gc_exp_rest(double r) {
  return gc_polynomial(r, 0x1p-1, 0x1.5555555555559p-3, 0x1.555555555555bp-5,
                       0x1.111111110f622p-7, 0x1.6c16c16c14346p-10, 0x1.a01a01b023edep-13,
                       0x1.a01a01b106b2fp-16, 0x1.71ddf7a515580p-19, 0x1.27e4c4fb327d8p-22,
                       0x1.af60096a2653ap-26, 0x1.1f965d79cb237p-29);
}

// x = k log 2 + r, |r| <= log(2) / 2, and n = k.
template <typename T> struct gc_exp_parts { T r, k; typename gc_format<T>::Bits n; };
template <typename T> GC_DEVICE gc_exp_parts<T> gc_exp_split(T x) {
  gc_exp_parts<T> parts;
  parts.k = gc_nearest(x, T(0x1.71547652b82fep+0), &parts.n);
  parts.r = gc_fma(parts.k, -gc_ln2_low(x), gc_fma(parts.k, -gc_ln2_high(x), x));
  return parts;
}

// Beyond these exp is 0 and infinity. A select, not an extreme of the library: NaN has to pass.
template <typename T> GC_DEVICE T gc_between(T x, T low, T high) {
  const T above = x < low ? low : x;
  return above > high ? high : above;
}
GC_DEVICE float gc_exp_lowest(float) { return -104.0f; }
GC_DEVICE double gc_exp_lowest(double) { return -746.0; }
GC_DEVICE float gc_exp_range(float x) { return gc_between(x, gc_exp_lowest(x), 89.0f); }
GC_DEVICE double gc_exp_range(double x) { return gc_between(x, gc_exp_lowest(x), 710.0); }

// exp(r) - 1 for |r| <= log(2) / 2.
template <typename T> GC_DEVICE T gc_expm1_near(T r) { return gc_fma(r * r, gc_exp_rest(r), r); }

// exp of an x within gc_exp_range.
template <typename T> GC_DEVICE T gc_exp_in_range(T x) {
  const gc_exp_parts<T> e = gc_exp_split(x);
  return gc_times_power(T(1) + gc_expm1_near(e.r), e.n);
}
template <typename T> GC_DEVICE T gc_native_exp(T x) { return gc_exp_in_range(gc_exp_range(x)); }

// Below these expm1 is -1.
GC_DEVICE float gc_expm1_range(float x) { return x < -18.0f ? -18.0f : gc_exp_range(x); }
GC_DEVICE double gc_expm1_range(double x) { return x < -38.0 ? -38.0 : gc_exp_range(x); }

// expm1(x) / 2 = 2**(k - 1) (exp(r) - 1) + (2**(k - 1) - 1 / 2): 2**k itself may be infinite.
template <typename T> GC_DEVICE T gc_half_expm1(const gc_exp_parts<T>& e) {
  typedef gc_format<T> F;
  const T power = gc_from_bits((e.n + (F::bias - 1)) << F::digits);
  return gc_fma(power, gc_expm1_near(e.r), power - T(0.5));
}

template <typename T> GC_DEVICE T gc_native_expm1(T x) {
  const gc_exp_parts<T> e = gc_exp_split(gc_expm1_range(x));
  return gc_with_sign(e.k == 0 ? gc_expm1_near(e.r) : T(2) * gc_half_expm1(e), x);
}

// From exp(-|x|), which neither overflows nor loses small results.
template <typename T> GC_DEVICE T gc_native_sigmoid(T x) {
  const T below = -T(GC_LIBRARY(fabs)(x)), lowest = gc_exp_lowest(x);
  const T tail = gc_exp_in_range(below < lowest ? lowest : below);
  return (x < 0 ? tail : T(1)) / (T(1) + tail);
}

// h / (h + 1) with h = expm1(2 |x|) / 2. From 10 (float) and 20 (double) on it rounds to 1.
template <typename T> GC_DEVICE T gc_native_tanh(T x) {
  const T highest = sizeof(T) == 4 ? T(10) : T(20);
  const T size = GC_LIBRARY(fabs)(x);
  const T half = gc_half_expm1(gc_exp_split(T(2) * (size > highest ? highest : size)));
  return gc_with_sign(half / (half + T(1)), x);
}

// v / x - 1 for 0 < x <= 4, where v = 4 (1 - (1 - erf(x))**(1/4)), which is about erf(x) near 0.
// Fitted on 0 to 4 by Lawson's weights (1961), so that erf's relative error is the least, not v's.
GC_DEVICE float gc_erf_rest(float x) {
  const float high = gc_polynomial_by_pairs(
      x, -0x1.31788cp-4f, 0x1.4f26eap-8f, 0x1.e40f58p-8f, -0x1.d4d78cp-12f, -0x1.8b4010p-11f,
      0x1.c7ab70p-13f, -0x1.87c5e8p-16f, 0x1.cf484ap-21f);
  return gc_polynomial(x, 0x1.06ebaap-3f, 0x1.e8ec5cp-2f, -0x1.fa92a8p-5f, high);
}

// erf(x) = 1 - (1 - v / 4)**4 in two squares: w = v - v**2 / 8 and w - w**2 / 4, in which nothing
// cancels for small v. From 4 on it is 1. (gelu of 2,048 x 1,024 took 0.41 ms by an exponential,
// as that of double, and 0.265 so; AVX-512, two threads.)
GC_DEVICE float gc_native_erf(float x) {
  const float size = GC_LIBRARY(fabs)(x) > 4.0f ? 4.0f : float(GC_LIBRARY(fabs)(x));
  const float v = gc_fma(size, gc_erf_rest(size), size);
  const float w = gc_fma(-0.125f * v, v, v);
  return gc_with_sign(gc_fma(-0.25f * w, w, w), x);
}

// (log(1 - erf(x)) / x - slope) / x, to the accuracy that erf needs: little is left of 1 - erf(x)
// for large x. The slope, -2 / sqrt(pi), is that at 0; what it lacks as a number is the low slope.
GC_DEVICE double gc_erfc_slope() { return -0x1.20dd750429b6dp+0; }
GC_DEVICE double gc_erfc_slope_low() { return -0x1.1ae3a914fed80p-56; }
GC_DEVICE double gc_erfc_rest(double x) {
  const double low = gc_polynomial_by_pairs(
      x, -0x1.45f306dc9c897p-1, -0x1.a4f4e2a1b2078p-4, 0x1.39668593d7b97p-6,
      0x1.b6b68beee6957p-13, -0x1.bca67bd18a394p-10, 0x1.35654fa0d0c73p-11,
      -0x1.b22bc59dea6dep-16, -0x1.0e7f996736a6cp-14);
  const double middle = gc_polynomial_by_pairs(
      x, 0x1.f2afbae0d0fb2p-16, -0x1.c94fc5d6d5accp-19, -0x1.7c87e73f4b322p-19,
      0x1.d380ad05d7fb8p-20, -0x1.69330895b89dcp-22, -0x1.268e90e25cf5ep-23,
      0x1.30693464d8a6fp-23, -0x1.1a4e5bb8b567dp-24);
  const double high = gc_polynomial_by_pairs(
      x, 0x1.681cebc2cde0bp-26, -0x1.576a821ee0db1p-28, 0x1.f34344174367fp-31,
      -0x1.1281514d87fedp-33, 0x1.bbab4e7358af9p-37, -0x1.f1e968c3ccaccp-41,
      0x1.5ac990ae59495p-45, -0x1.c38f021831d49p-51);
  const double square = x * x, fourth = square * square;
  return gc_polynomial(fourth * fourth, low, middle, high);
}

// 1 - exp(log(1 - erf(|x|))): one polynomial for all x. From 6 on it is 1.
// The exponential is 2**k (1 + near), and k is 0 for small x, so nothing cancels.
GC_DEVICE double gc_native_erf(double x) {
  typedef gc_format<double> F;
  const double size = GC_LIBRARY(fabs)(x) > 6.0 ? 6.0 : double(GC_LIBRARY(fabs)(x));
  const double rest = size * gc_fma(size, gc_erfc_rest(size), gc_erfc_slope_low());
  const gc_exp_parts<double> e = gc_exp_split(gc_fma(size, gc_erfc_slope(), rest));
  const double power = gc_from_bits((e.n + F::bias) << F::digits);
  return gc_with_sign(gc_fma(-power, gc_expm1_near(e.r), 1.0 - power), x);
}

// ---- logarithm --------------------------------------------------------------------------------

// A normal x > 0 as m * 2**e with sqrt(1/2) <= m < sqrt(2). `biased` is e + bias.
template <typename T> struct gc_log_parts { T m, e; typename gc_format<T>::Bits biased; };
template <typename T> GC_DEVICE gc_log_parts<T> gc_log_split(T x) {
  typedef gc_format<T> F;
  typedef typename F::Bits Bits;
  const Bits root = gc_bits(T(0x1.6a09e667f3bcdp-1));
  const Bits moved = gc_bits(x) + ((F::bias << F::digits) - root);
  gc_log_parts<T> parts;
  parts.biased = moved >> F::digits;
  parts.m = gc_from_bits((moved & (((Bits)1 << F::digits) - 1)) + root);
  parts.e = gc_from_whole<T>(parts.biased) - T(F::bias);
  return parts;
}

// log(1 + f) + e log 2. For float log(1 + f) = f - f**2 / 2 + f**3 P(f). For double, to need half
// as many terms: with s = f / (2 + f) it is 2 artanh(s) = 2 s + s R(s**2), and 2 s = f - s f.
GC_DEVICE float gc_log_sum(float f, float e) {
  const float square = f * f;
  const float p =
      gc_polynomial(f, 0x1.55554ap-2f, -0x1.00022p-2f, 0x1.99a596p-3f, -0x1.54788ap-3f,
                    0x1.226e58p-3f, -0x1.0ce096p-3f, 0x1.07d0b4p-3f, -0x1.41ed14p-4f);
  const float rest = gc_fma(square, -0.5f, gc_fma(square * f, p, e * gc_ln2_low(f)));
  return gc_fma(e, gc_ln2_high(f), f + rest);
}
GC_DEVICE double gc_log_sum(double f, double e) {
  const double s = f / (2.0 + f), z = s * s, half = 0.5 * f;
  const double r = gc_polynomial(z, 0x1.5555555555592p-1, 0x1.999999997fd9cp-2,
                                 0x1.24924941f33d1p-2, 0x1.c71c520746222p-3, 0x1.74663f678c82ap-3,
                                 0x1.39a1ac59cdb5fp-3, 0x1.2f0602807cb8fp-3);
  const double rest = gc_fma(s, gc_fma(z, r, half * f), e * gc_ln2_low(f));
  return gc_fma(e, gc_ln2_high(f), f - gc_fma(half, f, -rest));
}

// Of x > 0 the sum, of 0 minus infinity, of infinity itself, of all else NaN.
template <typename T> GC_DEVICE T gc_log_selected(T x, T sum) {
  const T special = x == 0 ? -gc_infinity<T>() : gc_nan<T>();
  const T high = x < gc_infinity<T>() ? sum : x;
  return x > 0 ? high : special;
}

template <typename T> GC_DEVICE T gc_native_log(T x) {
  typedef gc_format<T> F;
  const T least = gc_from_bits((typename F::Bits)1 << F::digits);
  const bool subnormal = x < least;
  const gc_log_parts<T> log = gc_log_split(subnormal ? x * gc_whole<T>() : x);
  const T e = subnormal ? log.e - T(F::digits) : log.e;
  return gc_log_selected(x, gc_log_sum(log.m - T(1), e));
}

// 1 + x = m 2**e: m - 1 is x / 2**e + (1 / 2**e - 1), in one rounding from x itself; above
// 2**digits, where 1 + x rounds to x, from 1 + x.
template <typename T> GC_DEVICE T gc_native_log1p(T x) {
  typedef gc_format<T> F;
  const T sum = T(1) + x;
  const gc_log_parts<T> log = gc_log_split(sum);
  const T power = gc_from_bits((2 * F::bias - log.biased) << F::digits);
  const T f = sum < gc_whole<T>() ? gc_fma(power, x, power - T(1)) : log.m - T(1);
  return gc_with_sign(gc_log_selected(sum, gc_log_sum(f, log.e)), x);
}

#include "native_power.h"
#include "native_trigonometry.h"

#endif
