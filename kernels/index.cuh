// Packs of elements for wide loads.
#ifndef GC_INDEX_CUH
#define GC_INDEX_CUH

#include "platform.h"

// Four neighbours, loaded and stored at once: 16 bytes of float. `at` is a multiple of four; what
// lies at `count` or beyond is not touched.
template <typename T> struct alignas(sizeof(T) * 4 < 16 ? sizeof(T) * 4 : 16) gc_pack { T of[4]; };

template <typename T> GC_DEVICE gc_pack<T> gc_load_pack(const T* from, int at, int count) {
  if (count - at >= 4) return *reinterpret_cast<const gc_pack<T>*>(from + at);
  gc_pack<T> pack;
  for (int lane = 0; lane < 4; ++lane) pack.of[lane] = at + lane < count ? from[at + lane] : T();
  return pack;
}

template <typename T> GC_DEVICE void gc_store_pack(T* to, int at, int count, gc_pack<T> pack) {
  if (count - at >= 4) {
    *reinterpret_cast<gc_pack<T>*>(to + at) = pack;
    return;
  }
  for (int lane = 0; lane < 4; ++lane) {
    if (at + lane < count) to[at + lane] = pack.of[lane];
  }
}

// The same between registers and the four neighbours that begin at an address; given `count`, the
// first ones of them.
template <typename T> GC_DEVICE void gc_load_pack(T* to, const T* from, int count = 4) {
  const gc_pack<T> pack = gc_load_pack(from, 0, count);
  for (int lane = 0; lane < 4; ++lane) to[lane] = pack.of[lane];
}

template <typename T> GC_DEVICE void gc_store_pack(T* to, const T* from, int count = 4) {
  gc_pack<T> pack;
  for (int lane = 0; lane < 4; ++lane) pack.of[lane] = from[lane];
  gc_store_pack(to, 0, count, pack);
}

#endif
