#include "lanes.h"

#include <string.h>

#include <utility>

#include "arithmetic.h"

namespace emulator::ptx {

int error_sign = 0;

namespace {

template <typename T> inline T value(char* file, uint32_t slot, unsigned lane) {
  if constexpr (std::is_same_v<T, bool>) {
    return mask_at(file, slot) >> lane & 1;
  } else {
    return lanes_at<T>(file, slot)[lane];
  }
}

// All lanes are computed, so that the loop is the processor's vectors; those of the mask are kept.
template <typename R, typename F>
inline void keep(char* file, uint32_t slot, uint32_t mask, F result_of) {
  if constexpr (std::is_same_v<R, bool>) {
    uint32_t bits = 0;
    for (unsigned lane = 0; lane < kWarp; ++lane) bits |= uint32_t(result_of(lane)) << lane;
    uint32_t& word = mask_at(file, slot);
    word = (word & ~mask) | (bits & mask);
  } else {
    R results[kWarp];
    for (unsigned lane = 0; lane < kWarp; ++lane) results[lane] = R(result_of(lane));
    R* to = lanes_at<R>(file, slot);
    if (mask == kAll) {
      memcpy(to, results, sizeof results);
      return;
    }
    for (unsigned lane = 0; lane < kWarp; ++lane) {
      if (mask >> lane & 1) to[lane] = results[lane];
    }
  }
}

template <typename R, typename... A, typename F, size_t... I>
inline void lanes(char* file, const Instruction& it, uint32_t mask, F f,
                  std::index_sequence<I...>) {
  keep<R>(file, it.slots[0], mask,
          [&](unsigned lane) { return f(value<A>(file, it.slots[1 + I], lane)...); });
}
template <typename R, typename... A, typename F>
inline bool lanes(char* file, const Instruction& it, uint32_t mask, F f) {
  lanes<R, A...>(file, it, mask, f, std::index_sequence_for<A...>{});
  return true;
}

template <typename R, typename... A, typename F, size_t... I>
inline void carrying(char* file, const Instruction& it, uint32_t mask, F f,
                     std::index_sequence<I...>) {
  const uint32_t before = carry_of(file);
  uint32_t after = 0;
  keep<R>(file, it.slots[0], mask, [&](unsigned lane) {
    const bool carry = before >> lane & 1;
    bool out = carry;
    const R result = f(value<A>(file, it.slots[1 + I], lane)..., carry, out);
    after |= uint32_t(out) << lane;
    return result;
  });
  carry_of(file) = (before & ~mask) | (after & mask);
}
template <typename R, typename... A, typename F>
inline bool carrying(char* file, const Instruction& it, uint32_t mask, F f) {
  carrying<R, A...>(file, it, mask, f, std::index_sequence_for<A...>{});
  return true;
}

// An operation on predicates is one on the masks.
template <typename F>
inline bool masks(char* file, const Instruction& it, uint32_t mask, F f) {
  uint32_t result;
  if constexpr (std::is_invocable_v<F, uint32_t, uint32_t>) {
    result = f(mask_at(file, it.slots[1]), mask_at(file, it.slots[2]));
  } else {
    result = f(mask_at(file, it.slots[1]));
  }
  uint32_t& word = mask_at(file, it.slots[0]);
  word = (word & ~mask) | (result & mask);
  return true;
}

}  // namespace

bool compute(char* file, const Instruction& it, uint32_t mask) {
  switch (it.operation) {
#include "operations.inc"
    default: return false;
  }
}

}  // namespace emulator::ptx
