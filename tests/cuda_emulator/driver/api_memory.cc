// The driver's interface: memory and copies.
#include <string.h>

#include <new>

#include "state.h"

using namespace emulator;

namespace {

constexpr size_t kTotal = size_t(8) << 30;

// Of device memory, what is copied from device memory is written where the source is.
void mark_written(const char* to, const char* from, size_t bytes) {
  const auto address = reinterpret_cast<CUdeviceptr>(to);
  Allocation* target = bytes == 0 ? nullptr : allocation_at(address);
  if (target == nullptr) return;  // the host's, or freed since
  const size_t offset = to - target->data();
  Allocation* source = allocation_at(reinterpret_cast<CUdeviceptr>(from));
  if (source != nullptr) {
    target->shadow.mark_as(offset, source->shadow, from - source->data(), bytes);
  } else {
    target->shadow.mark(offset, bytes);
  }
}

template <typename T> CUresult set(CUdeviceptr to, T value, size_t count, CUstream stream) {
  char* start = device_memory(to, count * sizeof(T));
  if (start == nullptr) return CUDA_ERROR_INVALID_VALUE;
  return enqueue(stream, [=] {
    for (size_t i = 0; i < count; ++i) memcpy(start + i * sizeof(T), &value, sizeof(T));
    mark_written(start, nullptr, count * sizeof(T));
  });
}

// Addresses are looked up when the copy is asked for, as the driver does.
CUresult copy(char* to, const char* from, size_t bytes, CUstream stream) {
  if (to == nullptr || from == nullptr) return CUDA_ERROR_INVALID_VALUE;
  return enqueue(stream, [=] {
    memmove(to, from, bytes);
    mark_written(to, from, bytes);
  });
}

}  // namespace

extern "C" {

CUresult cuMemAlloc(CUdeviceptr* address, size_t bytes) {
  if (bytes == 0) return CUDA_ERROR_INVALID_VALUE;
  if (bytes > kTotal - bytes_in_use()) return CUDA_ERROR_OUT_OF_MEMORY;
  try {
    *address = allocate(bytes);
  } catch (const std::bad_alloc&) {
    return CUDA_ERROR_OUT_OF_MEMORY;
  }
  return CUDA_SUCCESS;
}

CUresult cuMemFree(CUdeviceptr address) {
  finish_all();
  return allocations().erase(address) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuMemGetInfo(size_t* free, size_t* total) {
  *total = kTotal;
  *free = kTotal - bytes_in_use();
  return CUDA_SUCCESS;
}

CUresult cuMemHostAlloc(void** address, size_t bytes, unsigned int) {
  *address = malloc(bytes);
  return *address ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult cuMemAllocHost(void** address, size_t bytes) { return cuMemHostAlloc(address, bytes, 0); }

CUresult cuMemFreeHost(void* address) {
  finish_all();
  free(address);
  return CUDA_SUCCESS;
}

CUresult cuMemcpyHtoD(CUdeviceptr to, const void* from, size_t bytes) {
  return copy(device_memory(to, bytes), static_cast<const char*>(from), bytes, nullptr);
}
CUresult cuMemcpyDtoH(void* to, CUdeviceptr from, size_t bytes) {
  return copy(static_cast<char*>(to), device_memory(from, bytes), bytes, nullptr);
}
CUresult cuMemcpyDtoD(CUdeviceptr to, CUdeviceptr from, size_t bytes) {
  return copy(device_memory(to, bytes), device_memory(from, bytes), bytes, nullptr);
}
CUresult cuMemcpyHtoDAsync(CUdeviceptr to, const void* from, size_t bytes, CUstream stream) {
  return copy(device_memory(to, bytes), static_cast<const char*>(from), bytes, stream);
}
CUresult cuMemcpyDtoHAsync(void* to, CUdeviceptr from, size_t bytes, CUstream stream) {
  return copy(static_cast<char*>(to), device_memory(from, bytes), bytes, stream);
}
CUresult cuMemcpyDtoDAsync(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
  return copy(device_memory(to, bytes), device_memory(from, bytes), bytes, stream);
}

CUresult cuMemsetD8(CUdeviceptr to, unsigned char value, size_t count) {
  return set(to, value, count, nullptr);
}
CUresult cuMemsetD16(CUdeviceptr to, unsigned short value, size_t count) {
  return set(to, value, count, nullptr);
}
CUresult cuMemsetD32(CUdeviceptr to, unsigned int value, size_t count) {
  return set(to, value, count, nullptr);
}
CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t count, CUstream stream) {
  return set(to, value, count, stream);
}
CUresult cuMemsetD16Async(CUdeviceptr to, unsigned short value, size_t count, CUstream stream) {
  return set(to, value, count, stream);
}
CUresult cuMemsetD32Async(CUdeviceptr to, unsigned int value, size_t count, CUstream stream) {
  return set(to, value, count, stream);
}

}  // extern "C"
