// Memory of a thread for tiles: grown where a tile needs more, kept from call to call.
#ifndef GC_SCRATCH_H
#define GC_SCRATCH_H

#include <stddef.h>
#include <stdlib.h>

struct gc_block {
  void* start = nullptr;
  size_t nbytes = 0;
  ~gc_block() { free(start); }
};

// An array of the thread's block number `slot`; what another call with this number gave is lost.
// Not inlined: there are many calls, each for a tile.
template <typename T>
static __attribute__((noinline)) T* gc_scratch(int slot, size_t count) {
  static thread_local gc_block blocks[20];
  gc_block& block = blocks[slot];
  const size_t wanted = (count * sizeof(T) + 4095) / 4096 * 4096;  // whole pages
  if (block.nbytes < wanted) {
    free(block.start);
    block.start = aligned_alloc(4096, wanted);
    block.nbytes = block.start ? wanted : 0;
    if (!block.start) abort();
  }
  return static_cast<T*>(block.start);
}

#endif
