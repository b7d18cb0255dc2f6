// The card that is emulated: what all have in common, and what differs between those that graphc
// aims at (CUDA C++ Programming Guide, "Technical Specifications per Compute Capability").
#ifndef EMULATOR_CARD_H
#define EMULATOR_CARD_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "device.h"

namespace emulator {

constexpr uint3 kMostGrid = {2147483647, 65535, 65535}, kMostBlock = {1024, 1024, 64};
constexpr unsigned kMostThreads = 1024;  // of a block
constexpr unsigned kRegisters = 65536;   // of a block, of 32 bits
constexpr size_t kSharedDefault = 48 << 10;  // of a block that does not ask for more

// Registers are given to a warp, in units of this many.
inline unsigned registers_of_block(unsigned of_thread, unsigned threads) {
  constexpr unsigned kWarp = 32, kUnit = 256;
  return (of_thread * kWarp + kUnit - 1) / kUnit * kUnit * ((threads + kWarp - 1) / kWarp);
}

struct Card {
  int major, minor;  // compute capability
  size_t most_shared;  // bytes of shared memory that a block may ask for
  // What the system takes of each block's.
  size_t reserved_shared() const { return major >= 8 ? 1024 : 0; }
};

// As $GRAPHC_CUDA_CARD says, MAJOR.MINOR:BYTES; by default the oldest that graphc aims at.
inline Card card() {
  const char* given = getenv("GRAPHC_CUDA_CARD");
  if (given == nullptr) return {7, 5, size_t(64) << 10};
  Card found;
  if (sscanf(given, "%d.%d:%zu", &found.major, &found.minor, &found.most_shared) == 3) return found;
  fprintf(stderr, "GRAPHC_CUDA_CARD: expected MAJOR.MINOR:BYTES, received '%s'\n", given);
  abort();
}

}  // namespace emulator
#endif
