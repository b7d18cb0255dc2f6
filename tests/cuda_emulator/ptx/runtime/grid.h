// A launch of a kernel of PTX: its blocks, one after the other, and the warps of each.
#ifndef EMULATOR_PTX_GRID_H
#define EMULATOR_PTX_GRID_H

#include "../../driver/errors.h"
#include "../../driver/order.h"
#include "warp.h"

namespace emulator::ptx {

struct Grid {
  const Kernel& kernel;
  const char* parameters;
  uint3 blocks, threads;
  size_t dynamic_shared;
};

// What is wrong with what its threads did, if anything is.
Failure run(const Grid& grid, Order& order, FindRegion find);

}  // namespace emulator::ptx
#endif
