// Runs the blocks of a launch: each thread is a fibre, and one of them runs at a time.
#ifndef EMULATOR_BLOCK_H
#define EMULATOR_BLOCK_H

#include <string>
#include <vector>

#include "device.h"

namespace emulator {

struct Launch {
  const emu_module* module;
  const emu_kernel* kernel;
  uint3 grid, block;
  size_t dynamic_shared, most_shared;
  std::vector<char> parameters;
};

// What is wrong with the launch or with what its threads did; empty if nothing is. Blocks and
// threads run in the order that GRAPHC_CUDA_ORDER names: up, down, or shuffled:SEED.
std::string run(const Launch& launch);

extern const emu_driver kDriver;

}  // namespace emulator
#endif
