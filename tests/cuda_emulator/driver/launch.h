// What a launch may ask for, and the launch itself.
#ifndef EMULATOR_LAUNCH_H
#define EMULATOR_LAUNCH_H

#include <vector>

#include "../ptx/runtime/warp.h"
#include "block.h"
#include "module.h"

namespace emulator {

// The packed parameters of a launch in `out`; an error if they are not the kernel's.
CUresult parameters_of(const Function& function, void** separate, void** extra,
                       std::vector<char>* out);
// The most that a block of the kernel may have: threads; bytes of shared memory, with its own.
unsigned most_threads(const Function& function);
size_t shared_limit(const Function& function);
// What the card and the kernel refuse.
CUresult check_launch(const Function& function, uint3 grid, uint3 block, size_t dynamic_shared);
// Runs a kernel and looks at all red zones; a failure ends the context.
void launch(Context& context, const Launch& launch);
// The region of the context whose kernel runs that an address of device memory is in or next to.
ptx::Region device_region(uint64_t address);

}  // namespace emulator
#endif
