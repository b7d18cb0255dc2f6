// Reductions: what each starts from and how two parts become one.
//
// max and min keep NaN; argmax and argmin give the first of ties, and the first NaN before all.
// Parts are always combined in a fixed order, so that the same input gives the same bits.
#ifndef GC_REDUCE_CUH
#define GC_REDUCE_CUH

#include "pointwise.cuh"

// ---- the ends of each type ----------------------------------------------------------------------

template <typename T> struct gc_limits;
template <> struct gc_limits<int> {
  static GC_DEVICE int lowest() { return -2147483647 - 1; }
  static GC_DEVICE int highest() { return 2147483647; }
};
template <> struct gc_limits<unsigned int> {
  static GC_DEVICE unsigned int lowest() { return 0u; }
  static GC_DEVICE unsigned int highest() { return 4294967295u; }
};
template <> struct gc_limits<gc_int64> {
  static GC_DEVICE gc_int64 lowest() { return -9223372036854775807LL - 1; }
  static GC_DEVICE gc_int64 highest() { return 9223372036854775807LL; }
};
template <typename T> struct gc_float_limits {
  static GC_DEVICE T lowest() { return -gc_infinity<T>(); }
  static GC_DEVICE T highest() { return gc_infinity<T>(); }
};
template <> struct gc_limits<float> : gc_float_limits<float> {};
template <> struct gc_limits<double> : gc_float_limits<double> {};

// ---- sum, prod, max, min, any, all --------------------------------------------------------------

#define GC_REDUCTION(name, start, combined)                              \
  struct gc_reduce_##name {                                              \
    template <typename T> static GC_DEVICE T identity() { return start; } \
    template <typename T> static GC_DEVICE T element(T x, int) { return x; } \
    template <typename T> static GC_DEVICE T combine(T x, T y) { return combined; } \
    template <typename T> static GC_DEVICE T result(T x) { return x; }   \
  };
GC_REDUCTION(sum, T(0), gc_add(x, y))
GC_REDUCTION(prod, T(1), gc_mul(x, y))
GC_REDUCTION(max, gc_limits<T>::lowest(), gc_maximum(x, y))
GC_REDUCTION(min, gc_limits<T>::highest(), gc_minimum(x, y))
GC_REDUCTION(any, false, x || y)
GC_REDUCTION(all, true, x && y)
#undef GC_REDUCTION

// ---- argmax, argmin -----------------------------------------------------------------------------

// A value and where it lies; place -1 is nothing yet.
template <typename T> struct gc_placed {
  T value;
  int place;
};

// Whether x comes before y: larger (or smaller), NaN before numbers, then the lower place.
template <bool largest, typename T>
GC_DEVICE bool gc_precedes(gc_placed<T> x, gc_placed<T> y) {
  if (y.place < 0) return true;
  if (x.place < 0) return false;
  const bool x_nan = x.value != x.value, y_nan = y.value != y.value;
  if (x_nan != y_nan) return x_nan;
  if (!x_nan && x.value != y.value) return (x.value > y.value) == largest;
  return x.place < y.place;
}

template <bool is_largest> struct gc_reduce_place {
  static constexpr bool largest = is_largest;
  template <typename T> static GC_DEVICE gc_placed<T> identity() {
    gc_placed<T> nothing = {T(0), -1};
    return nothing;
  }
  template <typename T> static GC_DEVICE gc_placed<T> element(T x, int place) {
    gc_placed<T> one = {x, place};
    return one;
  }
  template <typename T> static GC_DEVICE gc_placed<T> combine(gc_placed<T> x, gc_placed<T> y) {
    return gc_precedes<largest>(x, y) ? x : y;
  }
  template <typename T> static GC_DEVICE int result(gc_placed<T> x) { return x.place; }
};
typedef gc_reduce_place<true> gc_reduce_argmax;
typedef gc_reduce_place<false> gc_reduce_argmin;

// A reduction that carries the place of its value goes on with one more: `R` is its class. As
// R::combine, without branches, which the lanes of a vector would take differently.
template <typename R, typename T, typename Place>
GC_DEVICE void gc_carry(T& value, Place& place, T next, Place at) {
  const bool is_nan = next != next, was_nan = value != value;
  const bool is_better = R::largest ? next > value : next < value;
  const bool is_equal = (next == value) | (is_nan & was_nan);
  const bool is_ahead = is_better | (is_nan & !was_nan) | (is_equal & (at < place));
  const bool is_taken = (at >= 0) & ((place < 0) | is_ahead);
  value = gc_select(is_taken, next, value);
  place = gc_select(is_taken, at, place);
}

// ---- sum of exp(x - largest x) ------------------------------------------------------------------

// The largest x so far, and the sum of exp(x - largest).
template <typename T> struct gc_scaled {
  T largest;
  T sum;
};

struct gc_reduce_exp_sum {
  template <typename T> static GC_DEVICE gc_scaled<T> combine(gc_scaled<T> x, gc_scaled<T> y) {
    const T largest = gc_maximum(x.largest, y.largest);
    const T ours = x.sum * scale(x.largest, largest), theirs = y.sum * scale(y.largest, largest);
    gc_scaled<T> both = {largest, ours + theirs};
    return both;
  }
  // From sums of exp(x - from) to sums of exp(x - to); without inf - inf.
  template <typename T> static GC_DEVICE T scale(T from, T to) {
    return from == to ? T(1) : gc_exp(from - to);
  }
};

// ---- sum of (x - mean)^2 ------------------------------------------------------------------------

// Of the x so far: how many, their mean, and the sum of squared differences from it.
template <typename T> struct gc_moments {
  T count;
  T mean;
  T squares;
};

struct gc_reduce_squares {
  template <typename T> static GC_DEVICE gc_moments<T> combine(gc_moments<T> x, gc_moments<T> y) {
    if (x.count == T(0)) return y;
    if (y.count == T(0)) return x;
    const T count = x.count + y.count, part = y.count / count, apart = y.mean - x.mean;
    const T between = apart * apart * (x.count * part);
    gc_moments<T> both = {count, x.mean + apart * part, x.squares + y.squares + between};
    return both;
  }
};

// Both go on with what another one has: of one x, (x, 1) and (1, x, 0).
template <typename T> GC_DEVICE void gc_carry_exp_sum(T& largest, T& total, T x, T part) {
  const gc_scaled<T> ours = {largest, total}, theirs = {x, part};
  const gc_scaled<T> both = gc_reduce_exp_sum::combine(ours, theirs);
  largest = both.largest;
  total = both.sum;
}
template <typename T>
GC_DEVICE void gc_carry_moments(T& count, T& mean, T& squares, T more, T other, T further) {
  const gc_moments<T> ours = {count, mean, squares}, theirs = {more, other, further};
  const gc_moments<T> both = gc_reduce_squares::combine(ours, theirs);
  count = both.count;
  mean = both.mean;
  squares = both.squares;
}

// ---- the lanes of a warp ------------------------------------------------------------------------
#ifdef __CUDACC__

// The value of the lane whose number differs in the bits of `lanes`. All lanes of `mask` take part.
template <typename T> GC_DEVICE T gc_other_lane(T x, int lanes, unsigned mask = 0xffffffffu) {
  return __shfl_xor_sync(mask, x, lanes);
}
GC_DEVICE bool gc_other_lane(bool x, int lanes, unsigned mask = 0xffffffffu) {
  return gc_other_lane((int)x, lanes, mask) != 0;
}
template <typename T>
GC_DEVICE gc_placed<T> gc_other_lane(gc_placed<T> x, int lanes, unsigned mask = 0xffffffffu) {
  gc_placed<T> other = {gc_other_lane(x.value, lanes, mask), gc_other_lane(x.place, lanes, mask)};
  return other;
}

template <typename T>
GC_DEVICE gc_scaled<T> gc_other_lane(gc_scaled<T> x, int lanes, unsigned mask = 0xffffffffu) {
  gc_scaled<T> other = {gc_other_lane(x.largest, lanes, mask), gc_other_lane(x.sum, lanes, mask)};
  return other;
}

template <typename T>
GC_DEVICE gc_moments<T> gc_other_lane(gc_moments<T> x, int lanes, unsigned mask = 0xffffffffu) {
  gc_moments<T> other = {gc_other_lane(x.count, lanes, mask), gc_other_lane(x.mean, lanes, mask),
                         gc_other_lane(x.squares, lanes, mask)};
  return other;
}

// One value from those of `lanes` neighbouring lanes (a power of two up to 32), from a multiple of
// `lanes` on; each gets it. All of these lanes have to call.
template <typename F, int lanes, typename T> GC_DEVICE T gc_tree_of_lanes(T x) {
  unsigned mask = 0xffffffffu;
  if (lanes < 32) mask = ((1u << lanes % 32) - 1u) << (threadIdx.x & (32 - lanes));
#pragma unroll
  for (int distance = lanes / 2; distance > 0; distance /= 2) {
    x = F::combine(x, gc_other_lane(x, distance, mask));
  }
  return x;
}

// A reduction that each of some neighbouring lanes carries goes on with a part of each.
#define GC_OF_LANES(name, lanes)                                                             \
  template <typename T> GC_DEVICE void gc_##name##_of_##lanes##_lanes(T& total, T part) {    \
    total = gc_reduce_##name::combine(total, gc_tree_of_lanes<gc_reduce_##name, lanes>(part)); \
  }
#define GC_PLACE_OF_LANES(name, lanes)                                                       \
  template <typename T>                                                                      \
  GC_DEVICE void gc_##name##_of_##lanes##_lanes(T& best, int& place, T part, int place_of_part) { \
    const gc_placed<T> mine = {part, place_of_part}, last = {best, place};                   \
    const gc_placed<T> all = gc_tree_of_lanes<gc_reduce_##name, lanes>(mine);                \
    const gc_placed<T> next = gc_reduce_##name::combine(last, all);                          \
    best = next.value;                                                                       \
    place = next.place;                                                                      \
  }
#define GC_EXP_SUM_OF_LANES(lanes)                                                           \
  template <typename T>                                                                      \
  GC_DEVICE void gc_exp_sum_of_##lanes##_lanes(T& largest, T& total, T x, T part) {          \
    const gc_scaled<T> mine = {x, part};                                                     \
    const gc_scaled<T> all = gc_tree_of_lanes<gc_reduce_exp_sum, lanes>(mine);               \
    gc_carry_exp_sum(largest, total, all.largest, all.sum);                                  \
  }
#define GC_MOMENTS_OF_LANES(lanes)                                                           \
  template <typename T>                                                                      \
  GC_DEVICE void gc_moments_of_##lanes##_lanes(T& count, T& mean, T& squares, T more, T other, \
                                               T further) {                                  \
    const gc_moments<T> mine = {more, other, further};                                       \
    const gc_moments<T> all = gc_tree_of_lanes<gc_reduce_squares, lanes>(mine);              \
    gc_carry_moments(count, mean, squares, all.count, all.mean, all.squares);                \
  }
#define GC_REDUCTIONS_OF_LANES(lanes) \
  GC_OF_LANES(sum, lanes)             \
  GC_OF_LANES(prod, lanes)            \
  GC_OF_LANES(max, lanes)             \
  GC_OF_LANES(min, lanes)             \
  GC_OF_LANES(any, lanes)             \
  GC_OF_LANES(all, lanes)             \
  GC_PLACE_OF_LANES(argmax, lanes)    \
  GC_PLACE_OF_LANES(argmin, lanes)    \
  GC_EXP_SUM_OF_LANES(lanes)          \
  GC_MOMENTS_OF_LANES(lanes)
GC_REDUCTIONS_OF_LANES(4)
GC_REDUCTIONS_OF_LANES(8)
GC_REDUCTIONS_OF_LANES(16)
GC_REDUCTIONS_OF_LANES(32)
#undef GC_REDUCTIONS_OF_LANES
#undef GC_EXP_SUM_OF_LANES
#undef GC_MOMENTS_OF_LANES
#undef GC_PLACE_OF_LANES
#undef GC_OF_LANES

#endif

#endif
