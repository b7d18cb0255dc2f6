// Memory of a thread for tiles: grown where a tile needs more, kept from call to call.
//
// AddressSanitizer knows nothing of what lies within a block by itself. For it, what is behind the
// elements that were asked for last may not be touched, and these are NaN until they are written.
#ifndef GC_SCRATCH_H
#define GC_SCRATCH_H

#include <stddef.h>
#include <stdlib.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <string.h>
#endif

struct gc_block {
  void* start = nullptr;
  size_t nbytes = 0;
  ~gc_block() { free(start); }
};

#ifdef __SANITIZE_ADDRESS__
inline void gc_guard(const gc_block& block, size_t wanted) {
  __asan_poison_memory_region(block.start, block.nbytes);
  __asan_unpoison_memory_region(block.start, wanted);
  memset(block.start, 0xFF, wanted);
}
#else
inline void gc_guard(const gc_block&, size_t) {}
#endif

// An array of the thread's block number `slot`; what another call with this number gave is lost.
// Not inlined: there are many calls, each for a tile.
template <typename T>
static __attribute__((noinline)) T* gc_scratch(int slot, size_t count) {
  static thread_local gc_block blocks[20];
  gc_block& block = blocks[slot];
  const size_t wanted = count * sizeof(T), pages = (wanted + 4095) / 4096 * 4096;
  if (block.nbytes < pages) {
    free(block.start);
    block.start = aligned_alloc(4096, pages);
    block.nbytes = block.start ? pages : 0;
    if (!block.start) abort();
  }
  gc_guard(block, wanted);
  return static_cast<T*>(block.start);
}

#endif
