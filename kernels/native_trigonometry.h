// sin and cos for loops on a CPU, of any argument: see native_math.h.
//
// x is reduced to quarter turns by as many bits of 2/pi as it takes (Payne, Hanek, "Radian
// reduction for trigonometric functions", SIGNUM Newsletter 18, 1983), in integers, for large and
// small x alike: choosing between this and a shorter way would be a branch.
#ifndef GC_NATIVE_TRIGONOMETRY_H
#define GC_NATIVE_TRIGONOMETRY_H

#include "native_float.h"

// The bits of 2/pi behind 64 zeros: number i holds those from 32 * i to 32 * i + 63.
static const gc_uint64 gc_two_over_pi[40] = {
    0x0000000000000000, 0x00000000a2f9836e, 0xa2f9836e4e441529, 0x4e441529fc2757d1,
    0xfc2757d1f534ddc0, 0xf534ddc0db629599, 0xdb6295993c439041, 0x3c439041fe5163ab,
    0xfe5163abdebbc561, 0xdebbc561b7246e3a, 0xb7246e3a424dd2e0, 0x424dd2e006492eea,
    0x06492eea09d1921c, 0x09d1921cfe1deb1c, 0xfe1deb1cb129a73e, 0xb129a73ee88235f5,
    0xe88235f52ebb4484, 0x2ebb4484e99c7026, 0xe99c7026b45f7e41, 0xb45f7e413991d639,
    0x3991d639835339f4, 0x835339f49c845f8b, 0x9c845f8bbdf9283b, 0xbdf9283b1ff897ff,
    0x1ff897ffde05980f, 0xde05980fef2f118b, 0xef2f118b5a0a6d1f, 0x5a0a6d1f6d367ecf,
    0x6d367ecf27cb09b7, 0x27cb09b74f463f66, 0x4f463f669e5fea2d, 0x9e5fea2d7527bac7,
    0x7527bac7ebe5f17b, 0xebe5f17b3d0739f7, 0x3d0739f78a5292ea, 0x8a5292ea6bfb5fb1,
    0x6bfb5fb11f8d5d08, 0x1f8d5d0856033046, 0x56033046fc7b6bab, 0xfc7b6babf0cfbc20,
};

// 64 bits of two such numbers that follow each other, from bit `place` modulo 32 on.
GC_DEVICE gc_uint64 gc_window(gc_uint64 first, gc_uint64 second, gc_uint64 place) {
  return (first << (place & 31)) | ((second >> 1) >> (63 - (place & 31)));
}

GC_DEVICE double gc_from_uint64(gc_uint64 n) {
  const double top = gc_from_bits((n >> 32) | gc_bits(0x1p84)) - 0x1p84;  // counts 2**32
  return top + gc_from_whole<double>(n & 0xffffffff);
}

// |x| modulo 2 pi: `quarter` times pi/2, and r + low between -pi/4 and pi/4.
struct gc_angle { double r, low; gc_uint64 quarter; };

// `turns` counts 2**-62 quarter turns, modulo four. Where what is left of the nearest quarter is
// negative, all bits: it is then changed into a magnitude by ones' complement.
GC_DEVICE gc_uint64 gc_turn_sign(gc_uint64 turns) { return (gc_uint64)0 - ((turns >> 61) & 1); }

// From the magnitude r + low and its sign. Small angles are their own remainder, all digits of it.
GC_DEVICE gc_angle gc_signed_angle(double x, gc_uint64 turns, double r, double low) {
  const gc_uint64 sign = gc_turn_sign(turns) << 63;
  const double size = GC_LIBRARY(fabs)(x);
  const bool small = size < 0.75;
  const gc_angle angle = {small ? size : gc_from_bits(gc_bits(r) ^ sign),
                          small ? 0.0 : gc_from_bits(gc_bits(low) ^ sign),
                          small ? 0 : (turns + (1ull << 61)) >> 62};
  return angle;
}

// Number (place - 32) / 32 + i for a place from 32 to 191, by selects: for so few they are faster
// than a table. Written in bits, because gcc makes branches of choices between constants.
GC_DEVICE gc_uint64 gc_chosen(gc_uint64 place, int i) {
  gc_uint64 chosen = gc_two_over_pi[i];
  for (int k = 1; k < 5; ++k) {
    const gc_uint64 passed = (gc_uint64)0 - (((gc_uint64)(31 + 32 * k) - place) >> 63);
    chosen ^= passed & (gc_two_over_pi[i + k] ^ gc_two_over_pi[i + k - 1]);
  }
  return chosen;
}

// |x| = m 2**e with a whole m < 2**24: m times the bits of 2/pi of weight 2**(1 - e) and below. No
// float lies closer to a multiple of pi/2 than by 2**-30 or so, and 62 bits behind the point are
// kept.
GC_DEVICE gc_angle gc_reduced(float x) {
  const gc_uint64 bits = gc_bits(x) & 0x7fffffffu, biased = bits >> 23;
  const gc_uint64 m = (bits & 0x7fffffu) | 0x800000u;
  const gc_uint64 place = (biased < 126 ? 126 : biased) - 150 + 64 - 2;  // from 38 to 167
  const gc_uint64 first = gc_chosen(place, 1), second = gc_chosen(place, 3);
  const gc_uint64 more = (second << (place & 31)) >> 32;
  const gc_uint64 turns = m * gc_window(first, second, place) + ((m * more) >> 32);
  const double turn = gc_from_uint64((turns << 2) ^ gc_turn_sign(turns));
  return gc_signed_angle((double)x, turns, turn * 0x1.921fb54442d18p-64, 0.0);
}

// As above with a whole m = m1 2**32 + m0 < 2**53. Doubles come as close as 2**-62: 126 bits are
// kept, in words of 32.
GC_DEVICE gc_angle gc_reduced(double x) {
  const gc_uint64 low = 0xffffffff, bits = gc_bits(x) & ~gc_format<double>::sign;
  const gc_uint64 biased = bits >> 52, m0 = bits & low;
  const gc_uint64 m1 = ((bits >> 32) & 0xfffff) | 0x100000;
  const gc_uint64 place = (biased < 1022 ? 1022 : biased) - 1075 + 64 - 2;
  const gc_uint64 k = place >> 5, first = gc_two_over_pi[k], second = gc_two_over_pi[k + 2];
  const gc_uint64 third = gc_two_over_pi[k + 4], fourth = gc_two_over_pi[k + 6];
  const gc_uint64 w01 = gc_window(first, second, place), w0 = w01 >> 32, w1 = w01 & low;
  const gc_uint64 w23 = gc_window(second, third, place), w2 = w23 >> 32, w3 = w23 & low;
  const gc_uint64 w45 = gc_window(third, fourth, place), w4 = w45 >> 32, w5 = w45 & low;
  const gc_uint64 a1 = m0 * w1, a2 = m0 * w2, a3 = m0 * w3, a4 = m0 * w4;
  const gc_uint64 b2 = m1 * w2, b3 = m1 * w3, b4 = m1 * w4, b5 = m1 * w5;
  const gc_uint64 s3 = (a4 >> 32) + (a3 & low) + (b4 & low) + (b5 >> 32);
  const gc_uint64 s2 = (a3 >> 32) + (a2 & low) + (b3 & low) + (b4 >> 32) + (s3 >> 32);
  const gc_uint64 s1 = (a2 >> 32) + (a1 & low) + (b2 & low) + (b3 >> 32) + (s2 >> 32);
  const gc_uint64 s0 = (a1 >> 32) + m0 * w0 + m1 * w1 + (b2 >> 32) + (s1 >> 32);
  const gc_uint64 turns = (s0 << 32) | (s1 & low), after = (s2 << 32) | (s3 & low);
  const gc_uint64 sign = gc_turn_sign(turns);
  const gc_uint64 high = ((turns << 2) | (after >> 62)) ^ sign;
  // high + after / 2**64 as a pair, times pi/2 as a pair, in units of 2**-64.
  const double top = gc_from_uint64(high & ~low), middle = gc_from_uint64(high & low);
  const gc_pair sum = gc_pair_sum(top, middle);
  const double after_sum = gc_fma(gc_from_uint64((after << 2) ^ sign), 0x1p-64, sum.low);
  const gc_pair turn = gc_pair_sum(sum.high, after_sum);
  const gc_pair r = gc_pair_product(turn.high, 0x1.921fb54442d18p-64);
  const double r_low = gc_fma(turn.high, 0x1.1a62633145c07p-118,
                              gc_fma(turn.low, 0x1.921fb54442d18p-64, r.low));
  return gc_signed_angle(x, turns, r.high, r_low);
}

// (sin(r) - r) / r**3 and (cos(r) - 1 + r**2 / 2) / r**4 in z = r**2, |r| <= pi/4, to the accuracy
// of the type of the second argument.
GC_DEVICE double gc_sin_rest(double z, float) {
  return gc_polynomial(z, -0x1.5555554cb905p-3, 0x1.11110895a0ed3p-7, -0x1.a00f9d1b3c346p-13,
                       0x1.6cd836e0f1d11p-19);
}
GC_DEVICE double gc_sin_rest(double z, double) {
  return gc_polynomial(z, -0x1.5555555555549p-3, 0x1.111111110f87ap-7, -0x1.a01a019c119a8p-13,
                       0x1.71de3577b7d3fp-19, -0x1.ae5e663b9e69fp-26, 0x1.5d93014fee8ebp-33);
}
GC_DEVICE double gc_cos_rest(double z, float) {
  return gc_polynomial(z, 0x1.55554ab2769b7p-5, -0x1.6c0c8ab7f63dfp-10, 0x1.9a020c786657dp-16);
}
GC_DEVICE double gc_cos_rest(double z, double) {
  return gc_polynomial(z, 0x1.555555555554cp-5, -0x1.6c16c16c1517ep-10, 0x1.a01a019cb1cc1p-16,
                       -0x1.27e4f809f9d79p-22, 0x1.1ee9ebeede848p-29, -0x1.8fae9f2f70a24p-37);
}

// sin of an angle, negated where bit 63 of `sign` is set.
template <typename T> GC_DEVICE double gc_sin_turned(gc_angle angle, gc_uint64 sign, T type) {
  const double r = angle.r, z = r * r, half = 0.5 * z, one = 1.0 - half;
  const double sine = r + gc_fma(r * z, gc_sin_rest(z, type), angle.low);
  // What rounding took from 1 - z / 2 is added again.
  const double lost = gc_fma(-r, angle.low, (1.0 - one) - half);
  const double cosine = one + gc_fma(z * z, gc_cos_rest(z, type), lost);
  const double value = angle.quarter & 1 ? cosine : sine;
  return gc_from_bits(gc_bits(value) ^ ((angle.quarter >> 1) << 63) ^ sign);
}

template <typename T> GC_DEVICE T gc_native_sin(T x) {
  const gc_angle angle = gc_reduced(x);
  const gc_uint64 sign = gc_bits((double)x) & gc_format<double>::sign;
  const T value = (T)gc_sin_turned(angle, sign, x);
  return GC_LIBRARY(fabs)(x) < gc_infinity<T>() ? value : gc_nan<T>();
}

template <typename T> GC_DEVICE T gc_native_cos(T x) {
  gc_angle angle = gc_reduced(x);
  angle.quarter += 1;
  const T value = (T)gc_sin_turned(angle, (gc_uint64)0, x);
  return GC_LIBRARY(fabs)(x) < gc_infinity<T>() ? value : gc_nan<T>();
}

#endif
