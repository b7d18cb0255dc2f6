// Arrays of a thread's memory for tiles: grown where a tile needs more, kept from call to call.
#ifndef GC_SCRATCH_H
#define GC_SCRATCH_H

#include <stddef.h>

#include "platform.h"

// Set when the library is loaded: gc_thread_memory of the runtime library (thread_memory.h), which
// all libraries of a process share.
extern "C" {
GC_SET_BY_LOADER void* (*graphc_thread_memory)(int slot, size_t nbytes);
}

#define GC_SLOTS 64  // blocks of a thread; arrays that are needed at one time have different ones

// An array of the thread's block `slot`; what another call with this slot gave is lost.
// Not inlined: there are many calls, each for a tile.
template <typename T>
static __attribute__((noinline)) T* gc_scratch(int slot, size_t count) {
  return static_cast<T*>(graphc_thread_memory(slot, count * sizeof(T)));
}

#endif
