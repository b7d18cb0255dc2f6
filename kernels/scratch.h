// Arrays of a thread's memory for tiles: grown where a tile needs more, kept from call to call.
#ifndef GC_SCRATCH_H
#define GC_SCRATCH_H

#include <stddef.h>

// Set when the library is loaded: gc_thread_memory of the runtime library (thread_memory.h), which
// all libraries of a process share.
extern "C" {
void* (*graphc_thread_memory)(int slot, size_t nbytes);
}

// Which of a thread's blocks an array lies in. Arrays that are needed at one time have different
// numbers; those of kernels of different kinds may share one.
enum gc_slot {
  // Sums, of a tile or in parts.
  GC_SUMS = 0,
  GC_SLOTS = 64,

  // Convolutions, whose sums are in GC_SUMS.
  GC_IMAGE = 1,       // the image with its padding
  GC_WEIGHTS,         // the weights, or the cotangents that are in their place
  GC_WEIGHT_PANELS,   // the weights as products read them
  GC_STARTS,          // of windows in the image
  GC_POOLED,          // of a pooling's windows, what they have come to
  GC_MAXIMUM_PLACES,  // and where
  GC_TILE_WORDS,      // random words of a tile
  GC_INNERMOST,       // by transforms: the image, or the weights, with channels innermost
  GC_COTANGENTS,      // the cotangents with filters innermost
  GC_IMAGE_TILES,     // transformed tiles
  GC_RESULT_TILES,
  GC_RESULTS,
  GC_PLACE_SUMS,  // of the gradient of weights, before it is transformed back
};

// An array of the thread's block `slot`; what another call with this slot gave is lost.
// Not inlined: there are many calls, each for a tile.
template <typename T>
static __attribute__((noinline)) T* gc_scratch(int slot, size_t count) {
  return static_cast<T*>(graphc_thread_memory(slot, count * sizeof(T)));
}

#endif
