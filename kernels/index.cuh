// Which windows of a pooling hold an element, and packs of elements for wide loads.
#ifndef GC_INDEX_CUH
#define GC_INDEX_CUH

#include "platform.h"

// Of the windows that begin every `stride` elements and are `extent` long, the first and the last
// that hold the element at `place` (counted from the beginning of the padding).
GC_DEVICE int gc_first_window(int place, int extent, int stride) {
  return place < extent ? 0 : (place - extent) / stride + 1;
}
GC_DEVICE int gc_last_window(int place, int stride, int windows) {
  if (place < 0) return -1;  // cropped: no window
  const int last = place / stride;
  return last < windows ? last : windows - 1;
}

// Whether an element of a window is ahead of the `best` of those before it, which lies at `place`
// (-1 where there is none): the first of equal ones is, and NaN above all numbers.
template <typename T> GC_DEVICE bool gc_is_ahead(T value, T best, int place) {
  // Without branches, which lanes of a warp would take differently; and as few comparisons as
  // g++ 12 still vectorises.
  return (place < 0) | (!(value <= best) & (best == best));
}

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
