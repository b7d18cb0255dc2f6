// The card that is emulated, by what differs between those that graphc aims at.
#ifndef EMULATOR_CARD_H
#define EMULATOR_CARD_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

namespace emulator {

struct Card {
  int major, minor;  // compute capability
  size_t most_shared;  // bytes of shared memory that a block may ask for
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
