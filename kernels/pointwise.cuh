// One function for each pointwise operation of the graph, gc_<operation>, over graphc's types.
//
// What each means is settled by the NumPy interpreter (graphc/compiler/interpret): NaN is kept by
// maximum, minimum and clip; // and % follow Python; an int divided by zero gives 0; round is half
// to even; float to int saturates and takes NaN to 0; ints wrap around. Nothing here may be built
// with fast-math. All arguments of a call have one type: a mixed call does not compile.
#ifndef GC_POINTWISE_CUH
#define GC_POINTWISE_CUH

#include "platform.h"
#ifdef GC_NATIVE_MATH
#include "native_math.h"
#endif

// Signed overflow is undefined in C++ and wraps in NumPy, so ints are computed as unsigned ints.
template <typename T> struct gc_wrapping { typedef T type; };
template <> struct gc_wrapping<int> { typedef unsigned int type; };
template <> struct gc_wrapping<gc_int64> { typedef gc_uint64 type; };

template <typename T> GC_DEVICE bool gc_is_signed() { return (T)-1 < (T)1; }
// Written so that compilers do not warn about `unsigned < 0`.
template <typename T> GC_DEVICE bool gc_is_negative(T x) { return x <= T(0) && x != T(0); }

// ---- arithmetic -------------------------------------------------------------------------------

template <typename T> GC_DEVICE T gc_add(T x, T y) {
  typedef typename gc_wrapping<T>::type W;
  return (T)((W)x + (W)y);
}

template <typename T> GC_DEVICE T gc_sub(T x, T y) {
  typedef typename gc_wrapping<T>::type W;
  return (T)((W)x - (W)y);
}

template <typename T> GC_DEVICE T gc_mul(T x, T y) {
  typedef typename gc_wrapping<T>::type W;
  return (T)((W)x * (W)y);
}

template <typename T> GC_DEVICE T gc_alias(T x) { return x; }
template <typename T> GC_DEVICE T gc_stop_gradient(T x) { return x; }
template <typename T> GC_DEVICE T gc_own_batch(T x) { return x; }
template <typename T> GC_DEVICE T gc_print_tensor(T x) { return x; }

template <typename T> GC_DEVICE T gc_neg(T x) {
  typedef typename gc_wrapping<T>::type W;
  return (T)(-(W)x);
}

template <typename T> GC_DEVICE T gc_div(T x, T y) { return x / y; }

template <typename T> GC_DEVICE T gc_floordiv(T x, T y) {
  if (y == 0) return 0;
  if (gc_is_signed<T>() && y == (T)-1) return gc_neg(x);  // the lowest int / -1 traps on x86
  return x / y - (T)(x % y != 0 && gc_is_negative(x) != gc_is_negative(y));
}

template <typename T> GC_DEVICE T gc_mod(T x, T y) {
  if (y == 0 || (gc_is_signed<T>() && y == (T)-1)) return 0;
  T rest = x % y;
  return rest != 0 && gc_is_negative(rest) != gc_is_negative(y) ? rest + y : rest;
}

template <typename T> GC_DEVICE T gc_float_mod(T x, T y) {
  T rest = GC_LIBRARY(fmod)(x, y);
  if (y == 0) return rest;
  if (rest == 0) return GC_LIBRARY(copysign)(T(0), y);
  return (rest < 0) != (y < 0) ? rest + y : rest;
}

// From the exact rest rather than floor(x / y), which is off by one where x / y rounds up to a
// whole number (1 // 0.1 is 9).
template <typename T> GC_DEVICE T gc_float_floordiv(T x, T y) {
  if (y == 0) return x / y;
  T rest = GC_LIBRARY(fmod)(x, y);
  T quotient = (x - rest) / y;
  if (rest != 0 && (rest < 0) != (y < 0)) quotient -= T(1);
  if (quotient == 0) return GC_LIBRARY(copysign)(T(0), x / y);
  T whole = GC_LIBRARY(floor)(quotient);
  return quotient - whole > T(0.5) ? whole + T(1) : whole;
}

GC_DEVICE float gc_mod(float x, float y) { return gc_float_mod(x, y); }
GC_DEVICE double gc_mod(double x, double y) { return gc_float_mod(x, y); }
GC_DEVICE float gc_floordiv(float x, float y) { return gc_float_floordiv(x, y); }
GC_DEVICE double gc_floordiv(double x, double y) { return gc_float_floordiv(x, y); }

// By repeated squaring; 0 for a negative exponent.
template <typename T> GC_DEVICE T gc_pow(T x, T y) {
  typedef typename gc_wrapping<T>::type W;
  if (gc_is_negative(y)) return 0;
  W base = (W)x, power = 1;
  for (W rest = (W)y; rest != 0; rest >>= 1) {
    if (rest & 1) power *= base;
    base *= base;
  }
  return (T)power;
}

GC_DEVICE float gc_pow(float x, float y) { return GC_MATH(pow)(x, y); }
GC_DEVICE double gc_pow(double x, double y) { return GC_MATH(pow)(x, y); }

template <typename T> GC_DEVICE T gc_abs(T x) { return gc_is_negative(x) ? gc_neg(x) : x; }
GC_DEVICE float gc_abs(float x) { return GC_LIBRARY(fabs)(x); }
GC_DEVICE double gc_abs(double x) { return GC_LIBRARY(fabs)(x); }

// NaN of NaN, 0 of -0.
template <typename T> GC_DEVICE T gc_sign(T x) {
  return x > T(0) ? T(1) : x == T(0) ? T(0) : x == x ? T(-1) : x;
}

// ---- extremes: fmax and fmin would lose NaN ---------------------------------------------------

template <typename T> GC_DEVICE T gc_select(bool condition, T yes, T no) {
  return condition ? yes : no;
}
// A NaN in x compares false, so x is taken. One in y has to be asked for; where y is the same for
// a whole loop, as a bound is, that is done once.
template <typename T> GC_DEVICE T gc_maximum(T x, T y) {
  return gc_select((x <= y) | (y != y), y, x);
}
template <typename T> GC_DEVICE T gc_minimum(T x, T y) {
  return gc_select((x >= y) | (y != y), y, x);
}
template <typename T> GC_DEVICE T gc_clip(T x, T low, T high) {
  return gc_minimum(gc_maximum(x, low), high);
}

// ---- functions of a float ---------------------------------------------------------------------

template <typename T> GC_DEVICE T gc_floor(T x) { return GC_MATH(floor)(x); }
template <typename T> GC_DEVICE T gc_round(T x) { return GC_MATH(rint)(x); }
template <typename T> GC_DEVICE T gc_exp(T x) { return GC_MATH(exp)(x); }
template <typename T> GC_DEVICE T gc_log(T x) { return GC_MATH(log)(x); }
template <typename T> GC_DEVICE T gc_log1p(T x) { return GC_MATH(log1p)(x); }
template <typename T> GC_DEVICE T gc_expm1(T x) { return GC_MATH(expm1)(x); }
template <typename T> GC_DEVICE T gc_sqrt(T x) { return GC_LIBRARY(sqrt)(x); }
template <typename T> GC_DEVICE T gc_rsqrt(T x) { return T(1) / GC_LIBRARY(sqrt)(x); }
template <typename T> GC_DEVICE T gc_tanh(T x) { return GC_MATH(tanh)(x); }
template <typename T> GC_DEVICE T gc_erf(T x) { return GC_MATH(erf)(x); }
template <typename T> GC_DEVICE T gc_sin(T x) { return GC_MATH(sin)(x); }
template <typename T> GC_DEVICE T gc_cos(T x) { return GC_MATH(cos)(x); }

// 1 / (1 + exp(-x)) from exp(-|x|), which neither overflows nor loses small results.
template <typename T> GC_DEVICE T gc_sigmoid(T x) {
  T tail = GC_MATH(exp)(T(-GC_LIBRARY(fabs)(x)));
  return (x < 0 ? tail : T(1)) / (T(1) + tail);
}

// ---- comparison, logic, choice ----------------------------------------------------------------

template <typename T> GC_DEVICE bool gc_equal(T x, T y) { return x == y; }
template <typename T> GC_DEVICE bool gc_not_equal(T x, T y) { return x != y; }
template <typename T> GC_DEVICE bool gc_less(T x, T y) { return x < y; }
template <typename T> GC_DEVICE bool gc_less_equal(T x, T y) { return x <= y; }
GC_DEVICE bool gc_logical_and(bool x, bool y) { return x && y; }
GC_DEVICE bool gc_logical_or(bool x, bool y) { return x || y; }
GC_DEVICE bool gc_logical_xor(bool x, bool y) { return x != y; }
GC_DEVICE bool gc_logical_not(bool x) { return !x; }

// Bit k of a byte is the k-th bool. Unpacked by a shift and a comparison: with g++ 12 a loop that
// tests a bit by & stays scalar (4.0 ns an element where this takes 0.17).
GC_DEVICE gc_byte gc_pack_bools(bool last) { return last; }
template <typename... Bools> GC_DEVICE gc_byte gc_pack_bools(bool first, Bools... others) {
  return (gc_byte)(first | gc_pack_bools(others...) << 1);
}
template <int bit> GC_DEVICE bool gc_unpack_bool(gc_byte packed) {
  return (gc_byte)(packed << (7 - bit)) > 127;
}

template <typename T> GC_DEVICE T gc_where(bool condition, T yes, T no) {
  return gc_select(condition, yes, no);
}

// ---- conversion: gc_cast<To>(x) ---------------------------------------------------------------

template <typename To, typename From> struct gc_conversion {
  static GC_DEVICE To of(From x) { return (To)x; }
};

// By way of int: g++ 12 makes no vectors of what converts a comparison to a float at once.
template <typename To> struct gc_conversion<To, bool> {
  static GC_DEVICE To of(bool x) { return (To)(int)x; }
};

// A float type that cannot hold `highest` rounds it to the power of two above, which saturates too.
template <typename To, typename From> GC_DEVICE To gc_saturated(From x, To lowest, To highest) {
  if (x != x) return 0;
  if (x <= (From)lowest) return lowest;
  return x >= (From)highest ? highest : (To)x;
}

#define GC_SATURATING(To, From, lowest, highest)                                   \
  template <> struct gc_conversion<To, From> {                                     \
    static GC_DEVICE To of(From x) { return gc_saturated<To>(x, lowest, highest); } \
  };
GC_SATURATING(int, float, -2147483647 - 1, 2147483647)
GC_SATURATING(int, double, -2147483647 - 1, 2147483647)
GC_SATURATING(unsigned int, float, 0u, 4294967295u)
GC_SATURATING(unsigned int, double, 0u, 4294967295u)
GC_SATURATING(gc_int64, float, -9223372036854775807LL - 1, 9223372036854775807LL)
GC_SATURATING(gc_int64, double, -9223372036854775807LL - 1, 9223372036854775807LL)
#undef GC_SATURATING

template <typename To, typename From> GC_DEVICE To gc_cast(From x) {
  return gc_conversion<To, From>::of(x);
}

#endif
