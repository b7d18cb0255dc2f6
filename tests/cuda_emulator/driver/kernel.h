// The language of CUDA C for a host compiler; the emulated nvcc includes it before each source.
//
// nvcc.py rewrites __global__, __launch_bounds__ and __shared__, the words that macros cannot stand
// for, and defines __CUDA_ARCH__. There is no floating-point atomicAdd, on purpose: the kernels of
// graphc are deterministic.
#ifndef EMULATOR_KERNEL_H
#define EMULATOR_KERNEL_H

#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utility>

#include "device.h"

#define __CUDACC__ 1
#define __device__
#define __host__
#define __constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __align__(bytes) alignas(bytes)

// ---- vector types ------------------------------------------------------------------------------

#define EMU_VECTORS(T, name, align2, align4)                                           \
  struct name##1 { T x; };                                                             \
  struct alignas(align2) name##2 { T x, y; };                                          \
  struct name##3 { T x, y, z; };                                                       \
  struct alignas(align4) name##4 { T x, y, z, w; };                                    \
  static inline name##1 make_##name##1(T x) { return {x}; }                            \
  static inline name##2 make_##name##2(T x, T y) { return {x, y}; }                    \
  static inline name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; }            \
  static inline name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }
EMU_VECTORS(signed char, char, 2, 4)
EMU_VECTORS(unsigned char, uchar, 2, 4)
EMU_VECTORS(short, short, 4, 8)
EMU_VECTORS(unsigned short, ushort, 4, 8)
EMU_VECTORS(int, int, 8, 16)
EMU_VECTORS(float, float, 8, 16)
EMU_VECTORS(long long, longlong, 16, 16)
EMU_VECTORS(unsigned long long, ulonglong, 16, 16)
EMU_VECTORS(double, double, 16, 16)
#undef EMU_VECTORS
struct uint1 { unsigned int x; };
struct alignas(8) uint2 { unsigned int x, y; };
struct alignas(16) uint4 { unsigned int x, y, z, w; };
static inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
static inline uint3 make_uint3(unsigned x, unsigned y, unsigned z) { return {x, y, z}; }
static inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) {
  return {x, y, z, w};
}
struct dim3 {
  unsigned int x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

// ---- where a thread is -------------------------------------------------------------------------

static emu_position* emu_self;
static const emu_driver* emu;

#define threadIdx (emu_self->thread)
#define blockIdx (emu_self->block)
#define blockDim (emu_self->block_size)
#define gridDim (emu_self->grid_size)
static const int warpSize = 32;

// ---- barriers and warps ------------------------------------------------------------------------

#define EMU_AT const char *file = __builtin_FILE(), int line = __builtin_LINE()

static inline void __syncthreads(EMU_AT) { emu->barrier(file, line); }
static inline void __syncwarp(unsigned mask = 0xFFFFFFFFu, EMU_AT) {
  emu->exchange("__syncwarp", mask, 0, file, line);
}
static inline void __threadfence() {}
static inline void __threadfence_block() {}

static inline unsigned emu_lane() {
  const emu_position& at = *emu_self;
  return ((at.thread.z * at.block_size.y + at.thread.y) * at.block_size.x + at.thread.x) % 32;
}

// The value of lane `source`; `what` names the function in an error.
template <typename T>
inline T emu_shuffle(const char* what, unsigned mask, T value, unsigned source, const char* file,
                     int line) {
  static_assert(sizeof(T) <= 8, "a shuffle takes at most 8 bytes");
  unsigned long long word = 0;
  memcpy(&word, &value, sizeof value);
  word = emu->exchange(what, mask, word, file, line)[source];
  memcpy(&value, &word, sizeof value);
  return value;
}

// A lane outside of its segment of `width` lanes keeps its own value.
template <typename T>
inline T __shfl_sync(unsigned mask, T value, int source, int width = 32, EMU_AT) {
  const unsigned lane = emu_lane(), base = lane & ~(width - 1u);
  return emu_shuffle("__shfl_sync", mask, value, base + (source & (width - 1)), file, line);
}
template <typename T>
inline T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, EMU_AT) {
  const unsigned lane = emu_lane(), base = lane & ~(width - 1u);
  const unsigned source = lane - base < delta ? lane : lane - delta;
  return emu_shuffle("__shfl_up_sync", mask, value, source, file, line);
}
template <typename T>
inline T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, EMU_AT) {
  const unsigned lane = emu_lane(), base = lane & ~(width - 1u);
  const unsigned source = lane - base + delta < unsigned(width) ? lane + delta : lane;
  return emu_shuffle("__shfl_down_sync", mask, value, source, file, line);
}
template <typename T>
inline T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32, EMU_AT) {
  const unsigned lane = emu_lane(), other = lane ^ unsigned(lanes);
  // Of an earlier segment is allowed, of a later one is not.
  const unsigned source = other / width <= lane / width ? other : lane;
  return emu_shuffle("__shfl_xor_sync", mask, value, source, file, line);
}

static inline unsigned emu_ballot(const char* what, unsigned mask, bool vote, const char* file,
                                  int line) {
  const unsigned long long* votes = emu->exchange(what, mask, vote, file, line);
  unsigned result = 0;
  for (unsigned lane = 0; lane < 32; ++lane) {
    if (mask >> lane & 1 && votes[lane] == 1) result |= 1u << lane;
  }
  return result;
}
static inline unsigned __ballot_sync(unsigned mask, int vote, EMU_AT) {
  return emu_ballot("__ballot_sync", mask, vote != 0, file, line);
}
static inline int __any_sync(unsigned mask, int vote, EMU_AT) {
  return emu_ballot("__any_sync", mask, vote != 0, file, line) != 0;
}
static inline int __all_sync(unsigned mask, int vote, EMU_AT) {
  return emu_ballot("__all_sync", mask, vote == 0, file, line) == 0;
}

// ---- shared memory: what nvcc.py writes in place of __shared__ ---------------------------------

template <typename T> inline T& emu_shared(emu_slot& slot) {
  if (slot.data == nullptr) emu->bind_slot(&slot);
  return *static_cast<T*>(slot.data);
}
template <typename T> inline T* emu_dynamic_shared() {
  return static_cast<T*>(emu->dynamic_shared());
}

// ---- atomics on integers: one thread runs at a time --------------------------------------------

#define EMU_ATOMIC(name, T, result)                       \
  static inline T name(T* address, T value) {             \
    const T old = *address;                               \
    *address = result;                                    \
    return old;                                           \
  }
#define EMU_ATOMICS(T)                                    \
  EMU_ATOMIC(atomicExch, T, value)                        \
  EMU_ATOMIC(atomicMin, T, old < value ? old : value)     \
  EMU_ATOMIC(atomicMax, T, old > value ? old : value)     \
  EMU_ATOMIC(atomicAnd, T, old & value)                   \
  EMU_ATOMIC(atomicOr, T, old | value)                    \
  EMU_ATOMIC(atomicXor, T, old ^ value)                   \
  static inline T atomicCAS(T* address, T compare, T value) { \
    const T old = *address;                               \
    if (old == compare) *address = value;                 \
    return old;                                           \
  }
EMU_ATOMICS(int)
EMU_ATOMICS(unsigned int)
EMU_ATOMICS(unsigned long long)
EMU_ATOMIC(atomicAdd, int, int(unsigned(old) + unsigned(value)))
EMU_ATOMIC(atomicAdd, unsigned int, old + value)
EMU_ATOMIC(atomicAdd, unsigned long long, old + value)
EMU_ATOMIC(atomicSub, int, int(unsigned(old) - unsigned(value)))
EMU_ATOMIC(atomicSub, unsigned int, old - value)
EMU_ATOMIC(atomicInc, unsigned int, old >= value ? 0 : old + 1)
EMU_ATOMIC(atomicDec, unsigned int, old == 0 || old > value ? value : old - 1)
#undef EMU_ATOMICS
#undef EMU_ATOMIC

// ---- intrinsics --------------------------------------------------------------------------------

template <typename To, typename From> inline To emu_bits(From from) {
  To to;
  static_assert(sizeof to == sizeof from, "as many bits");
  memcpy(&to, &from, sizeof to);
  return to;
}
static inline int __float_as_int(float x) { return emu_bits<int>(x); }
static inline unsigned __float_as_uint(float x) { return emu_bits<unsigned>(x); }
static inline float __int_as_float(int x) { return emu_bits<float>(x); }
static inline float __uint_as_float(unsigned x) { return emu_bits<float>(x); }
static inline long long __double_as_longlong(double x) { return emu_bits<long long>(x); }
static inline double __longlong_as_double(long long x) { return emu_bits<double>(x); }
static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(unsigned(x)); }
static inline int __ffs(int x) { return __builtin_ffs(x); }
static inline unsigned __umulhi(unsigned x, unsigned y) { return uint64_t(x) * y >> 32; }
static inline float __fadd_rn(float x, float y) { return x + y; }
static inline float __fmul_rn(float x, float y) { return x * y; }
static inline float __fdiv_rn(float x, float y) { return x / y; }
static inline float __fsqrt_rn(float x) { return sqrtf(x); }
static inline float __fmaf_rn(float x, float y, float z) { return fmaf(x, y, z); }
static inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
static inline double rsqrt(double x) { return 1.0 / sqrt(x); }
static inline float rsqrt(float x) { return rsqrtf(x); }
static inline void sincos(float x, float* sine, float* cosine) { sincosf(x, sine, cosine); }
template <typename T> inline T __ldg(const T* address) { return *address; }
static inline int min(int x, int y) { return x < y ? x : y; }
static inline int max(int x, int y) { return x > y ? x : y; }
static inline unsigned min(unsigned x, unsigned y) { return x < y ? x : y; }
static inline unsigned max(unsigned x, unsigned y) { return x > y ? x : y; }
static inline long long min(long long x, long long y) { return x < y ? x : y; }
static inline long long max(long long x, long long y) { return x > y ? x : y; }

// ---- parameters of a launch --------------------------------------------------------------------

constexpr unsigned emu_most_threads(unsigned threads = 0, unsigned = 0, unsigned = 0) {
  return threads;
}

template <typename... P> constexpr emu_parameters emu_layout(void (*)(P...)) {
  emu_parameters result{};
  static_assert(sizeof...(P) <= 128, "a kernel takes at most 128 parameters");
  const unsigned sizes[] = {unsigned(sizeof(P))..., 0}, aligns[] = {unsigned(alignof(P))..., 1};
  for (unsigned i = 0; i < sizeof...(P); ++i) {
    const unsigned offset = (result.bytes + aligns[i] - 1) / aligns[i] * aligns[i];
    result.offset[i] = offset;
    result.size[i] = sizes[i];
    result.bytes = offset + sizes[i];
  }
  result.count = sizeof...(P);
  return result;
}

template <typename... P, size_t... I>
inline void emu_call(void (*kernel)(P...), const char* parameters, std::index_sequence<I...>) {
  constexpr emu_parameters layout = emu_layout(static_cast<void (*)(P...)>(nullptr));
  (void)layout;
  (void)parameters;  // of a kernel without any
  kernel(*reinterpret_cast<const P*>(parameters + layout.offset[I])...);
}
template <typename... P> inline void emu_call(void (*kernel)(P...), const char* parameters) {
  emu_call(kernel, parameters, std::index_sequence_for<P...>());
}

#endif
