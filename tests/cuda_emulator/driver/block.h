// Runs the blocks of a launch: each thread is a fibre, and one of them runs at a time.
#ifndef EMULATOR_BLOCK_H
#define EMULATOR_BLOCK_H

#include <string>
#include <vector>

#include "../ptx/runtime/image.h"
#include "device.h"
#include "errors.h"

namespace emulator {

struct Launch {
  // Of compiled source, a module and its kernel; of PTX the program.
  const emu_module* module;
  const emu_kernel* kernel;
  const ptx::Kernel* program;
  uint3 grid, block;
  size_t dynamic_shared, most_shared;
  std::vector<char> parameters;
};

inline std::string name(const Launch& launch) {
  return launch.program ? launch.program->name : launch.kernel->name;
}

// What is wrong with what its threads did, if anything is. Blocks and
// threads (of PTX, warps) run in the order that GRAPHC_CUDA_ORDER names: up, down, or
// shuffled:SEED.
Failure run(const Launch& launch);

extern const emu_driver kDriver;

}  // namespace emulator
#endif
