// Memory of the device, and page-locked memory of the host.
#ifndef EMULATOR_MEMORY_H
#define EMULATOR_MEMORY_H

#include <string>

#include "../ptx/runtime/warp.h"
#include "context.h"
#include "guarded.h"

namespace emulator {

struct Allocation : Guarded {
  Allocation(Context& context, size_t bytes) : Guarded(bytes), context(context), shadow(bytes) {}
  Context& context;
  ptx::Shadow shadow;
};

// Device memory by its address.
std::map<CUdeviceptr, std::unique_ptr<Allocation>>& allocations();
// New device memory; throws std::bad_alloc.
CUdeviceptr allocate(Context& context, size_t bytes);
// False unless an allocation of the context begins there.
bool release(const Context& context, CUdeviceptr address);
// The allocation that the address lies in, or null.
Allocation* allocation_at(CUdeviceptr address);
// The memory at this address if all of the range lies in one allocation; else null.
char* device_memory(CUdeviceptr address, size_t bytes);
size_t bytes_in_use();
// The first store outside of the context's memory, or into what was freed, since the last call;
// empty if there was none.
std::string damage(const Context& context);

char* page_lock(Context& context, size_t bytes);  // null without memory
bool release_page_locked(const Context& context, void* address);
bool is_page_locked(const void* address, size_t bytes);

void forget_memory(const Context& context);

}  // namespace emulator
#endif
