// A launch of a kernel of PTX: its blocks, one after the other, and the warps of each.
#ifndef EMULATOR_PTX_GRID_H
#define EMULATOR_PTX_GRID_H

#include <string>

#include "../../driver/order.h"
#include "warp.h"

namespace emulator::ptx {

struct Grid {
  const Kernel& kernel;
  const char* parameters;
  uint3 blocks, threads;
  size_t dynamic_shared, most_shared;
};

// What is wrong with the launch or with what its threads did; empty if nothing is.
std::string run(const Grid& grid, Order& order, FindRegion find);

}  // namespace emulator::ptx
#endif
