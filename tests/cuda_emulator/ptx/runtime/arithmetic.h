// The arithmetic of PTX on one lane, by the names that operations.py uses.
//
// Subnormals are kept, a product and a sum are two roundings unless the instruction is fma. NaN are
// those of the processor: which bits of payload and sign a NaN has is not emulated.
#ifndef EMULATOR_PTX_ARITHMETIC_H
#define EMULATOR_PTX_ARITHMETIC_H

#include <fenv.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include <cmath>
#include <limits>
#include <type_traits>

#include "lanes.h"

namespace emulator::ptx {

template <typename To, typename From> inline To bits(From from) {
  static_assert(sizeof(To) == sizeof(From), "as many bits");
  To to;
  memcpy(&to, &from, sizeof to);
  return to;
}

template <typename T> constexpr int kBits = 8 * sizeof(T);

// ---- integers ----------------------------------------------------------------------------------

// In unsigned arithmetic: int16_t times int16_t is an int, which could overflow.
template <typename T> inline T multiply(T a, T b) { return T(uint64_t(a) * uint64_t(b)); }

template <typename T> inline T high_product(T a, T b) {
  using Wide = std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>;
  return T(Wide(a) * Wide(b) >> kBits<T>);
}

// The manual leaves a division by zero open; all ones is what NVIDIA's code for it gives.
template <typename T> inline T quotient(T a, T b) {
  if (b == 0) return T(-1);
  if (std::is_signed_v<T> && b == T(-1)) return T(0 - uint64_t(a));
  return T(a / b);
}
template <typename T> inline T remainder(T a, T b) {
  if (b == 0) return a;
  if (std::is_signed_v<T> && b == T(-1)) return 0;
  return T(a % b);
}

// A shift by more than the width is one by the width.
template <typename T> inline T shift_left(T a, uint32_t count) {
  return count >= unsigned(kBits<T>) ? 0 : T(a << count);
}
template <typename T> inline T shift_right(T a, uint32_t count) {
  if (count < unsigned(kBits<T>)) return T(a >> count);
  return std::is_signed_v<T> && a < 0 ? T(-1) : 0;
}

template <typename T> inline uint32_t leading_zeros(T a) {
  return a == 0 ? kBits<T> : __builtin_clzll(a) - (64 - kBits<T>);
}

// bfi: `count` bits of a at `position` of b; both are taken modulo 256.
template <typename T> inline T insert_bits(T a, T b, uint32_t position, uint32_t count) {
  position &= 255;
  count &= 255;
  if (position >= unsigned(kBits<T>) || count == 0) return b;
  const T ones = count >= unsigned(kBits<T>) ? T(-1) : T((T(1) << count) - 1);
  const T field = T(ones << position);
  return T((T(a << position) & field) | (b & ~field));
}

// dp2a: the two halves of a times two bytes of b, the first or the last ones, and c.
inline uint32_t dot_of_bytes(uint32_t a, uint32_t b, uint32_t c, int first) {
  const uint32_t low = b >> 8 * first & 0xFF, high = b >> (8 * first + 8) & 0xFF;
  return c + (a & 0xFFFF) * low + (a >> 16) * high;
}

// The same with bytes that have a sign.
inline int32_t dot_of_signed_bytes(uint32_t a, int32_t b, int32_t c, int first) {
  const int32_t low = int8_t(b >> 8 * first), high = int8_t(b >> (8 * first + 8));
  return int32_t(uint32_t(c) + (a & 0xFFFF) * uint32_t(low) + (a >> 16) * uint32_t(high));
}

// prmt: each byte of the result is one of the eight of b and a, or eight times the sign of one.
inline uint32_t permute_bytes(uint32_t a, uint32_t b, uint32_t selector) {
  const uint64_t bytes = uint64_t(b) << 32 | a;
  uint32_t result = 0;
  for (int byte = 0; byte < 4; ++byte) {
    const uint32_t chosen = selector >> 4 * byte & 15;
    uint8_t value = uint8_t(bytes >> 8 * (chosen & 7));
    if (chosen & 8) value = value & 0x80 ? 0xFF : 0;
    result |= uint32_t(value) << 8 * byte;
  }
  return result;
}

template <typename T> inline T add_carry(T a, T b, bool in, bool& out) {
  using U = std::make_unsigned_t<T>;
  const unsigned __int128 sum = (unsigned __int128)U(a) + U(b) + in;
  out = sum >> kBits<T> & 1;
  return T(sum);
}
template <typename T> inline T subtract_borrow(T a, T b, bool in, bool& out) {
  using U = std::make_unsigned_t<T>;
  const unsigned __int128 difference = (unsigned __int128)U(a) - U(b) - in;
  out = difference >> kBits<T> & 1;
  return T(difference);
}
template <typename T> inline T add_carry(T a, T b, bool in) {
  bool unused;
  return add_carry(a, b, in, unused);
}
template <typename T> inline T subtract_borrow(T a, T b, bool in) {
  bool unused;
  return subtract_borrow(a, b, in, unused);
}

// ---- floats ------------------------------------------------------------------------------------

template <typename T> inline bool ordered(T a, T b) { return a == a && b == b; }
inline float fused(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline double fused(double a, double b, double c) { return __builtin_fma(a, b, c); }
inline float square_root(float a) { return __builtin_sqrtf(a); }
inline double square_root(double a) { return __builtin_sqrt(a); }

inline float flip_sign(float a) { return bits<float>(bits<uint32_t>(a) ^ 0x80000000u); }
inline float clear_sign(float a) { return bits<float>(bits<uint32_t>(a) & 0x7FFFFFFFu); }
inline double flip_sign(double a) { return bits<double>(bits<uint64_t>(a) ^ 1ull << 63); }
inline double clear_sign(double a) { return bits<double>(bits<uint64_t>(a) & ~(1ull << 63)); }

// Of a NaN and a number, the number; -0 is less than +0.
template <typename T> inline T minimum(T a, T b) {
  if (a != a) return b;
  if (b != b) return a;
  return a < b || (a == b && std::signbit(a)) ? a : b;
}
template <typename T> inline T maximum(T a, T b) {
  if (a != a) return b;
  if (b != b) return a;
  return a > b || (a == b && !std::signbit(a)) ? a : b;
}
template <typename T> inline T minimum_or_nan(T a, T b) {
  return ordered(a, b) ? minimum(a, b) : std::numeric_limits<T>::quiet_NaN();
}
template <typename T> inline T maximum_or_nan(T a, T b) {
  return ordered(a, b) ? maximum(a, b) : std::numeric_limits<T>::quiet_NaN();
}

// With another rounding than to nearest, by the processor's mode. The operands are volatile so that
// the compiler computes nothing before the mode is set.
template <typename T, typename F> inline T in_mode(int mode, F f) {
  fesetround(mode);
  volatile T result = f();
  fesetround(FE_TONEAREST);
  return result;
}
template <typename T> inline T rounded_add(T a, T b, int mode) {
  volatile T x = a, y = b;
  return in_mode<T>(mode, [&] { return x + y; });
}
template <typename T> inline T rounded_sub(T a, T b, int mode) {
  volatile T x = a, y = b;
  return in_mode<T>(mode, [&] { return x - y; });
}
template <typename T> inline T rounded_mul(T a, T b, int mode) {
  volatile T x = a, y = b;
  return in_mode<T>(mode, [&] { return x * y; });
}
template <typename T> inline T rounded_fma(T a, T b, T c, int mode) {
  volatile T x = a, y = b, z = c;
  return in_mode<T>(mode, [&] { return fused(T(x), T(y), T(z)); });
}

// ---- conversions -------------------------------------------------------------------------------

template <typename T> inline T to_integral(T a, int mode) {
  switch (mode) {
    case FE_TONEAREST: return std::nearbyint(a);  // to even, in the mode that is set
    case FE_TOWARDZERO: return std::trunc(a);
    case FE_DOWNWARD: return std::floor(a);
    default: return std::ceil(a);
  }
}

// What is outside of the integer's range is its nearest end. A NaN is 0, or the top bit alone where
// the source has 64 bits or the result has.
template <typename T, typename F> inline T to_integer(F a, int mode) {
  if (a != a) {
    const bool zero = sizeof(F) < 8 && sizeof(T) < 8;
    return zero ? T(0) : T(uint64_t(1) << (kBits<T> - 1));
  }
  const F whole = to_integral(a, mode);
  // Powers of two, so exact: the least value, and one more than the greatest.
  const F least = std::is_signed_v<T> ? -std::ldexp(F(1), kBits<T> - 1) : F(0);
  const F above = std::ldexp(F(1), std::is_signed_v<T> ? kBits<T> - 1 : kBits<T>);
  if (whole < least) return std::numeric_limits<T>::min();
  if (whole >= above) return std::numeric_limits<T>::max();
  return T(whole);
}

// cvt.sat: to [0, 1]; a NaN is 0.
template <typename T> inline T saturated(T a) { return a > 0 ? (a < 1 ? a : T(1)) : T(0); }

// ---- approximations ----------------------------------------------------------------------------

inline float flush(float a) {
  return std::fpclassify(a) == FP_SUBNORMAL ? std::copysign(0.0f, a) : a;
}

// The nearest float32, or the one so many units in the last place beside it.
inline float approximate(double exact, int units) {
  float result = float(exact);
  if (error_sign == 0 || !std::isfinite(result) || result == 0) return result;
  const float towards = error_sign > 0 ? HUGE_VALF : -HUGE_VALF;
  for (int i = 0; i < units; ++i) result = std::nextafter(result, towards);
  return std::isfinite(result) ? result : float(exact);
}

// a times the reciprocal of b, which is 0 where |b| is above 2^126.
inline float approximate_quotient(float a, float b) {
  const bool large = std::fabs(b) > 0x1p126f && std::isfinite(b);
  if (!large) return approximate(double(a) / double(b), 2);
  return std::isinf(a) ? std::numeric_limits<float>::quiet_NaN()
                       : std::copysign(0.0f, std::signbit(a) == std::signbit(b) ? 1.0f : -1.0f);
}

// rcp.approx.ftz.f64 reads and gives the upper 32 bits. The manual names no error; here the result
// is cut off.
inline double upper_reciprocal(double a) {
  constexpr uint64_t kUpper = 0xFFFFFFFF00000000ull;
  if (a != a) return bits<double>(0x7FFFFFFF00000000ull);
  double x = bits<double>(bits<uint64_t>(a) & kUpper);
  if (std::fpclassify(x) == FP_SUBNORMAL) x = std::copysign(0.0, x);
  double result = 1 / x;
  if (std::fpclassify(result) == FP_SUBNORMAL) result = std::copysign(0.0, result);
  return bits<double>(bits<uint64_t>(result) & kUpper);
}

}  // namespace emulator::ptx
#endif
