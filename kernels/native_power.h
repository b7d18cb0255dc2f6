// pow for loops on a CPU: see native_math.h.
#ifndef GC_NATIVE_POWER_H
#define GC_NATIVE_POWER_H

#include "native_math.h"

// The product of pairs, without that of their low parts.
GC_DEVICE gc_pair gc_pair_product(gc_pair x, gc_pair y) {
  gc_pair product = gc_pair_product(x.high, y.high);
  product.low += gc_fma(x.high, y.low, x.low * y.high);
  return gc_pair_sum(product.high, product.low);
}

// log(x) of x > 0 to 2**-64 or so: 2 s + s**3 (2/3 + s**2 P(s**2)), s = (m - 1) / (m + 1).
GC_DEVICE gc_pair gc_log_pair(double x) {
  const bool subnormal = x < 0x1p-1022;
  const gc_log_parts<double> log = gc_log_split(subnormal ? x * 0x1p52 : x);
  const double e = subnormal ? log.e - 52.0 : log.e, f = log.m - 1.0;
  const gc_pair divisor = gc_pair_sum(2.0, f);
  const double inverse = 1.0 / divisor.high, near = f * inverse;
  const gc_pair back = gc_pair_product(near, divisor.high);
  const double lacking = gc_fma(-near, divisor.low, (f - back.high) - back.low);
  const gc_pair s = {near, lacking * inverse};
  const gc_pair z = gc_pair_product(s, s);
  const double rest = gc_polynomial(z.high, 0x1.9999999999b3p-2, 0x1.2492492457dc3p-2,
                                    0x1.c71c722d5f37bp-3, 0x1.745ce9e54d7bcp-3,
                                    0x1.3b1eebc4eb474p-3, 0x1.0f7fee71d8c89p-3,
                                    0x1.0e428bdf357d3p-3);
  const double c = 0x1.5555555555555p-1, c_low = 0x1.5555555555555p-55;  // 2/3
  const double c_sum = gc_fma(z.high, rest, c);
  const gc_pair factor = {c_sum, gc_fma(z.high, rest, c - c_sum) + c_low};
  const gc_pair cube = gc_pair_product(z, factor);
  gc_pair two = gc_pair_sum(2.0, cube.high);
  two.low += cube.low;
  const gc_pair sum = gc_pair_product(s, two);
  gc_pair total = gc_pair_sum(e * gc_ln2_high(x), sum.high);  // the product is exact
  total.low += gc_fma(e, gc_ln2_low(x), sum.low);
  return gc_pair_sum(total.high, total.low);
}

// |x|**y for |x| in neither {0, 1, infinity} nor NaN; any y.
GC_DEVICE double gc_size_power(double size, double y) {
  const gc_pair log = gc_log_pair(size);
  const gc_pair product = gc_pair_product(log.high, y);
  // Beyond the range of exp the rest is of no matter, and is NaN where the product is infinite.
  const bool is_finite = GC_LIBRARY(fabs)(product.high) < 1000.0;
  const double rest = is_finite ? gc_fma(log.low, y, product.low) : 0.0;
  gc_exp_parts<double> e = gc_exp_split(gc_exp_range(product.high));
  e.r += rest;
  return gc_times_power(1.0 + gc_fma(e.r * e.r, gc_exp_rest(e.r), e.r), e.n);
}

// In double, whose logarithm is exact enough for float's powers.
GC_DEVICE float gc_size_power(float size, float y) {
  return (float)gc_native_exp((double)y * gc_native_log((double)size));
}

// The special values are those of IEEE 754-2008, 9.2.1, and NumPy. The conditions are joined by
// & and |: && and || are branches.
template <typename T> GC_DEVICE T gc_native_pow(T x, T y) {
  const T infinity = gc_infinity<T>(), size = GC_LIBRARY(fabs)(x), half = T(0.5) * y;
  const bool whole = gc_native_rint(y) == y;
  const bool odd = whole & (gc_native_rint(half) != half);
  // Of 0 and infinity to any power, and of any size to an infinite one.
  const T far = (size > 1) == (y > 0) ? infinity : T(0);
  const T limit = size == 1 ? T(1) : far;
  const bool limited = (size == 0) | (size == infinity) | (GC_LIBRARY(fabs)(y) == infinity);
  const bool invalid = (x < 0) & (size < infinity) & !whole, unknown = (x != x) | (y != y);
  const bool negative = odd & (gc_bits(x) >= gc_format<T>::sign), one = (y == 0) | (x == 1);
  const T power = limited ? limit : gc_size_power(size, y);
  const T valid = invalid ? gc_nan<T>() : power;
  const T value = negative ? -valid : valid;
  const T known = unknown ? gc_nan<T>() : value;
  return one ? T(1) : known;
}

#endif
