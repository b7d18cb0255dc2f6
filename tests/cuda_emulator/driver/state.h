// What the emulated device holds, for the functions of the driver's interface.
#ifndef EMULATOR_STATE_H
#define EMULATOR_STATE_H

#include <cuda.h>

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "../ptx/runtime/warp.h"
#include "block.h"
#include "guarded.h"
#include "queue.h"

struct CUfunc_st {
  // Of compiled source, a module and its kernel; of PTX the program.
  const emu_module* module;
  const emu_kernel* kernel;
  const emulator::ptx::Kernel* program;
  size_t dynamic_limit;
};

struct CUmod_st {
  void* library;
  std::unique_ptr<emulator::ptx::Module> program;
  std::map<std::string, CUfunc_st> functions;
};

namespace emulator {

struct Allocation : Guarded {
  explicit Allocation(size_t bytes) : Guarded(bytes), shadow(bytes) {}
  ptx::Shadow shadow;
};

// Device memory by its address.
std::map<CUdeviceptr, std::unique_ptr<Allocation>>& allocations();
// New device memory; throws std::bad_alloc.
CUdeviceptr allocate(size_t bytes);
// The allocation that the address lies in, or null.
Allocation* allocation_at(CUdeviceptr address);
ptx::Region device_region(uint64_t address);
// The memory at this address if all of the range lies in one allocation; else null.
char* device_memory(CUdeviceptr address, size_t bytes);
size_t bytes_in_use();

// The first failure of a kernel or a copy since the last report.
void fail(const std::string& message);
// CUDA_ERROR_LAUNCH_FAILED if there was a failure; cuGetErrorString then says what it was.
CUresult report();
const std::string& reported();

// In the null stream at once, after all blocking streams; in another when it is waited for.
CUresult enqueue(CUstream stream, std::function<void()> work);
CUresult enqueue_attempt(CUstream stream, Attempt work);
// All streams, or those which the null stream waits for.
void finish_all();
void finish_blocking();
inline Stream* stream_of(CUstream stream) { return reinterpret_cast<Stream*>(stream); }
inline bool is_null(CUstream stream) {
  return stream == nullptr || stream == CU_STREAM_LEGACY || stream == CU_STREAM_PER_THREAD;
}

// Runs a kernel and looks at all red zones.
void launch(const Launch& launch);

}  // namespace emulator
#endif
