// The driver's interface: the driver itself, and devices.
#include <stdio.h>
#include <string.h>

#include "card.h"
#include "context.h"

using namespace emulator;

namespace {

template <typename Body> CUresult of_device(CUdevice device, Body body) {
  return with_driver([&]() -> CUresult {
    if (device < 0 || device >= device_count()) return CUDA_ERROR_INVALID_DEVICE;
    return body();
  });
}

}  // namespace

extern "C" {

CUresult cuInit(unsigned int flags) {
  const Call call;
  if (flags != 0) return CUDA_ERROR_INVALID_VALUE;
  begin_driver();
  return driver_problem();
}
CUresult cuDriverGetVersion(int* version) {
  *version = CUDA_VERSION;
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetCount(int* count) {
  return with_driver([&] {
    *count = device_count();
    return CUDA_SUCCESS;
  });
}
CUresult cuDeviceGet(CUdevice* device, int ordinal) {
  return of_device(ordinal, [&] {
    *device = ordinal;
    return CUDA_SUCCESS;
  });
}
CUresult cuDeviceGetPCIBusId(char* address, int bytes, CUdevice device) {
  return of_device(device, [&] {
    snprintf(address, bytes, "0000:%02x:00.0", device + 1);
    return CUDA_SUCCESS;
  });
}
CUresult cuDeviceGetName(char* name, int bytes, CUdevice device) {
  return of_device(device, [&] {
    snprintf(name, bytes, "graphc emulated device");
    return CUDA_SUCCESS;
  });
}
CUresult cuDeviceComputeCapability(int* major, int* minor, CUdevice device) {
  return of_device(device, [&] {
    *major = card().major;
    *minor = card().minor;
    return CUDA_SUCCESS;
  });
}
CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute attribute, CUdevice device) {
  return of_device(device, [&]() -> CUresult {
    const Card here = card();
    switch (attribute) {
      case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: *value = here.major; break;
      case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *value = here.minor; break;
      case CU_DEVICE_ATTRIBUTE_WARP_SIZE: *value = 32; break;
      case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: *value = 4; break;
      case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK: *value = kMostThreads; break;
      case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X: *value = kMostBlock.x; break;
      case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y: *value = kMostBlock.y; break;
      case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z: *value = kMostBlock.z; break;
      case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X: *value = kMostGrid.x; break;
      case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y: *value = kMostGrid.y; break;
      case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z: *value = kMostGrid.z; break;
      case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK: *value = kSharedDefault; break;
      case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN:
        *value = static_cast<int>(here.most_shared);
        break;
      case CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK:
        *value = static_cast<int>(here.reserved_shared());
        break;
      case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR:
        *value = static_cast<int>(here.most_shared + here.reserved_shared());
        break;
      case CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK: *value = kRegisters; break;
      case CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT: *value = 1; break;
      default: return CUDA_ERROR_NOT_SUPPORTED;
    }
    return CUDA_SUCCESS;
  });
}

}  // extern "C"
