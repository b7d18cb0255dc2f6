// The driver's interface: memory and copies.
#include <string.h>

#include <new>

#include "memory.h"
#include "queue.h"

using namespace emulator;

namespace {

constexpr size_t kTotal = size_t(8) << 30;

CUresult no_memory(CUdeviceptr address, size_t bytes) {
  char text[96];
  snprintf(text, sizeof text, "%zu bytes at 0x%llx are in no one allocation", bytes, address);
  return refuse(CUDA_ERROR_INVALID_VALUE, text);
}

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
  return in_context([&](Context& context) {
    char* start = device_memory(to, count * sizeof(T));
    if (start == nullptr || count > SIZE_MAX / sizeof(T)) return no_memory(to, count * sizeof(T));
    if (to % sizeof(T) != 0) return refuse(CUDA_ERROR_INVALID_VALUE, "a misaligned address");
    return enqueue(context, stream, [=] {
      for (size_t i = 0; i < count; ++i) memcpy(start + i * sizeof(T), &value, sizeof(T));
      mark_written(start, nullptr, count * sizeof(T));
    });
  });
}

// Addresses are looked up when the copy is asked for, as the driver does.
CUresult copy(Context& context, char* to, const char* from, size_t bytes, CUstream stream) {
  return enqueue(context, stream, [=] {
    memmove(to, from, bytes);
    mark_written(to, from, bytes);
  });
}

CUresult upload(CUdeviceptr to, const void* host, size_t bytes, CUstream stream) {
  return in_context([&](Context& context) {
    char* start = device_memory(to, bytes);
    if (start == nullptr) return no_memory(to, bytes);
    if (host == nullptr) return CUDA_ERROR_INVALID_VALUE;
    if (is_null(stream) || is_page_locked(host, bytes)) {
      return copy(context, start, static_cast<const char*>(host), bytes, stream);
    }
    // Pageable memory is read during the call, through a buffer that is page-locked.
    const std::string staged(static_cast<const char*>(host), bytes);
    return enqueue(context, stream, [=] {
      memcpy(start, staged.data(), bytes);
      mark_written(start, nullptr, bytes);
    });
  });
}

CUresult download(void* host, CUdeviceptr from, size_t bytes, CUstream stream) {
  return in_context([&](Context& context) {
    const char* start = device_memory(from, bytes);
    if (start == nullptr) return no_memory(from, bytes);
    if (host == nullptr) return CUDA_ERROR_INVALID_VALUE;
    const CUresult result = copy(context, static_cast<char*>(host), start, bytes, stream);
    if (result || is_null(stream) || is_page_locked(host, bytes)) return result;
    finish(stream);  // a copy to pageable memory is done when the call returns
    return context_problem();
  });
}

CUresult move(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
  return in_context([&](Context& context) {
    char* target = device_memory(to, bytes);
    const char* source = device_memory(from, bytes);
    if (target == nullptr) return no_memory(to, bytes);
    if (source == nullptr) return no_memory(from, bytes);
    return copy(context, target, source, bytes, stream);
  });
}

}  // namespace

extern "C" {

CUresult cuMemAlloc(CUdeviceptr* address, size_t bytes) {
  return in_context([&](Context& context) -> CUresult {
    if (address == nullptr || bytes == 0) return CUDA_ERROR_INVALID_VALUE;
    if (bytes > kTotal - bytes_in_use()) return CUDA_ERROR_OUT_OF_MEMORY;
    try {
      *address = allocate(context, bytes);
    } catch (const std::bad_alloc&) {
      return CUDA_ERROR_OUT_OF_MEMORY;
    }
    return CUDA_SUCCESS;
  });
}

// Memory of another context is taken to be none of the caller's.
CUresult cuMemFree(CUdeviceptr address) {
  return in_context([&](Context& context) -> CUresult {
    finish_all(context);
    if (release(context, address)) return context_problem();
    return refuse(CUDA_ERROR_INVALID_VALUE, "no allocation of the context begins there");
  });
}

CUresult cuMemGetInfo(size_t* free, size_t* total) {
  return in_context([&](Context&) -> CUresult {
    if (free == nullptr || total == nullptr) return CUDA_ERROR_INVALID_VALUE;
    *total = kTotal;
    *free = kTotal - bytes_in_use();
    return CUDA_SUCCESS;
  });
}
// Needs no context.
CUresult cuDeviceTotalMem(size_t* bytes, CUdevice device) {
  return with_driver([&]() -> CUresult {
    if (device < 0 || device >= device_count()) return CUDA_ERROR_INVALID_DEVICE;
    *bytes = kTotal;
    return CUDA_SUCCESS;
  });
}

CUresult cuMemHostAlloc(void** address, size_t bytes, unsigned int flags) {
  return in_context([&](Context& context) -> CUresult {
    const unsigned known = CU_MEMHOSTALLOC_PORTABLE | CU_MEMHOSTALLOC_DEVICEMAP |
                           CU_MEMHOSTALLOC_WRITECOMBINED;
    if (address == nullptr || bytes == 0 || flags & ~known) return CUDA_ERROR_INVALID_VALUE;
    *address = page_lock(context, bytes);
    return *address ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
  });
}

CUresult cuMemAllocHost(void** address, size_t bytes) { return cuMemHostAlloc(address, bytes, 0); }

CUresult cuMemFreeHost(void* address) {
  return in_context([&](Context& context) -> CUresult {
    finish_all(context);
    if (release_page_locked(context, address)) return context_problem();
    return refuse(CUDA_ERROR_INVALID_VALUE, "no page-locked memory of the context begins there");
  });
}

CUresult cuMemcpyHtoD(CUdeviceptr to, const void* from, size_t bytes) {
  return upload(to, from, bytes, nullptr);
}
CUresult cuMemcpyDtoH(void* to, CUdeviceptr from, size_t bytes) {
  return download(to, from, bytes, nullptr);
}
CUresult cuMemcpyDtoD(CUdeviceptr to, CUdeviceptr from, size_t bytes) {
  return move(to, from, bytes, nullptr);
}
CUresult cuMemcpyHtoDAsync(CUdeviceptr to, const void* from, size_t bytes, CUstream stream) {
  return upload(to, from, bytes, stream);
}
CUresult cuMemcpyDtoHAsync(void* to, CUdeviceptr from, size_t bytes, CUstream stream) {
  return download(to, from, bytes, stream);
}
CUresult cuMemcpyDtoDAsync(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
  return move(to, from, bytes, stream);
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
