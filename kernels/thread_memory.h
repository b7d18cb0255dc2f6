// Memory that a thread keeps from call to call, freed when the thread ends. Its library stays as
// long as the thread, whose end runs the destructor: so it is in the one runtime library of a
// process, and not in each program's, which is unloaded when its function goes.
//
// AddressSanitizer knows nothing of what lies within a block by itself. For it, what is behind the
// bytes that were asked for last may not be touched, and elements are NaN until they are written.
#ifndef GC_THREAD_MEMORY_H
#define GC_THREAD_MEMORY_H

#include <stdio.h>
#include <stdlib.h>
#include "scratch.h"
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <string.h>
#endif

static size_t gc_held = 0;  // bytes of all threads' blocks; g++ reads <atomic> for 0.03 s

inline size_t gc_held_now() { return __atomic_load_n(&gc_held, __ATOMIC_RELAXED); }

struct gc_block {
  void* start = nullptr;
  size_t nbytes = 0;
  void give_back() {
    free(start);
    __atomic_fetch_sub(&gc_held, nbytes, __ATOMIC_RELAXED);
  }
  ~gc_block() { give_back(); }
};

#ifdef __SANITIZE_ADDRESS__
inline void gc_guard(const gc_block& block, size_t wanted) {
  __asan_poison_memory_region(block.start, block.nbytes);
  __asan_unpoison_memory_region(block.start, wanted);
  if (wanted) memset(block.start, 0xFF, wanted);  // a thread that wanted none yet has no block
}
#else
inline void gc_guard(const gc_block&, size_t) {}
#endif

static inline gc_block& gc_block_of_thread(int slot) {
  static thread_local gc_block blocks[GC_SLOTS];
  return blocks[slot];
}

// So many bytes of the thread's block `slot`, from the start of a page on.
static inline void* gc_thread_memory(int slot, size_t wanted) {
  gc_block& block = gc_block_of_thread(slot);
  const size_t pages = (wanted + 4095) / 4096 * 4096;
  if (block.nbytes < pages) {
    block.give_back();
    block.start = aligned_alloc(4096, pages);
    block.nbytes = block.start ? pages : 0;
    if (!block.start) {  // though the call was found to fit: no kernel can be left half-way
      fprintf(stderr, "graphc: the system has no %zu bytes for tiles of a kernel\n", pages);
      abort();
    }
    __atomic_fetch_add(&gc_held, pages, __ATOMIC_RELAXED);
  }
  gc_guard(block, wanted);
  return block.start;
}

#endif
