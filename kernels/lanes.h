// What loops need of bools in memory.
#ifndef GC_LANES_H
#define GC_LANES_H

#include "reduce.cuh"

// A bool in memory. g++ 12 leaves a loop scalar that reads bools and selects floats by them, and
// its branches cost twenty times as much; from a byte it makes a mask.
GC_DEVICE bool gc_flag(const bool& x) { return reinterpret_cast<const unsigned char&>(x) != 0; }

#endif
