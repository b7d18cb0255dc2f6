// The driver's interface: device, contexts, streams, events, names of errors.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <chrono>
#include <vector>

#include "card.h"
#include "state.h"

using namespace emulator;

namespace {

// As many as $GRAPHC_CUDA_DEVICES says. They have one memory: a process uses one of them.
int device_count() {
  const char* given = getenv("GRAPHC_CUDA_DEVICES");
  return given == nullptr ? 1 : atoi(given);
}

int primary;  // its address is the primary context's handle
std::vector<CUcontext> contexts;

CUcontext primary_context() { return reinterpret_cast<CUcontext>(&primary); }

Event* event_of(CUevent event) { return reinterpret_cast<Event*>(event); }

double now() {
  const auto time = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(time).count();
}

struct ErrorRow { CUresult code; const char *name, *text; };
#define ROW(code, text) {code, #code, text}
constexpr ErrorRow kErrors[] = {
    ROW(CUDA_SUCCESS, "no error"),
    ROW(CUDA_ERROR_INVALID_VALUE, "invalid argument"),
    ROW(CUDA_ERROR_OUT_OF_MEMORY, "out of memory"),
    ROW(CUDA_ERROR_INVALID_DEVICE, "invalid device ordinal"),
    ROW(CUDA_ERROR_INVALID_IMAGE, "device kernel image is invalid"),
    ROW(CUDA_ERROR_INVALID_CONTEXT, "invalid device context"),
    ROW(CUDA_ERROR_NO_BINARY_FOR_GPU, "not made by the emulated nvcc"),
    ROW(CUDA_ERROR_FILE_NOT_FOUND, "file not found"),
    ROW(CUDA_ERROR_OPERATING_SYSTEM, "OS call failed or operation not supported on this OS"),
    ROW(CUDA_ERROR_NOT_FOUND, "named symbol not found"),
    ROW(CUDA_ERROR_NOT_READY, "device not ready"),
    ROW(CUDA_ERROR_LAUNCH_FAILED, "launch failed"),
    ROW(CUDA_ERROR_NOT_SUPPORTED, "not supported by the emulated driver"),
};
#undef ROW

const ErrorRow* row_of(CUresult code) {
  for (const ErrorRow& row : kErrors) {
    if (row.code == code) return &row;
  }
  return nullptr;
}

}  // namespace

extern "C" {

CUresult cuInit(unsigned int) { return CUDA_SUCCESS; }
CUresult cuDriverGetVersion(int* version) {
  *version = CUDA_VERSION;
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetCount(int* count) {
  *count = device_count();
  return CUDA_SUCCESS;
}
CUresult cuDeviceGet(CUdevice* device, int ordinal) {
  *device = ordinal;
  return 0 <= ordinal && ordinal < device_count() ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}
CUresult cuDeviceGetPCIBusId(char* address, int bytes, CUdevice device) {
  snprintf(address, bytes, "0000:%02x:00.0", device + 1);
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetName(char* name, int bytes, CUdevice) {
  strncpy(name, "graphc emulated device", bytes);
  return CUDA_SUCCESS;
}
CUresult cuDeviceTotalMem(size_t* bytes, CUdevice) {
  size_t free;
  return cuMemGetInfo(&free, bytes);
}
CUresult cuDeviceComputeCapability(int* major, int* minor, CUdevice) {
  *major = card().major;
  *minor = card().minor;
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute attribute, CUdevice) {
  switch (attribute) {
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: *value = card().major; break;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *value = card().minor; break;
    case CU_DEVICE_ATTRIBUTE_WARP_SIZE: *value = 32; break;
    case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: *value = 4; break;
    case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK: *value = 1024; break;
    case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X: *value = 1024; break;
    case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y: *value = 1024; break;
    case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z: *value = 64; break;
    case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X: *value = 2147483647; break;
    case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y: *value = 65535; break;
    case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z: *value = 65535; break;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK: *value = 48 << 10; break;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN:
      *value = static_cast<int>(card().most_shared);
      break;
    case CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK: *value = 65536; break;
    case CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT: *value = 1; break;
    default: return CUDA_ERROR_NOT_SUPPORTED;
  }
  return CUDA_SUCCESS;
}

CUresult cuCtxCreate(CUcontext* context, CUctxCreateParams*, unsigned int, CUdevice) {
  *context = reinterpret_cast<CUcontext>(new int);
  contexts.push_back(*context);
  return CUDA_SUCCESS;
}
CUresult cuCtxDestroy(CUcontext context) {
  finish_all();
  if (!contexts.empty() && contexts.back() == context) contexts.pop_back();
  return CUDA_SUCCESS;
}
CUresult cuCtxDetach(CUcontext context) { return cuCtxDestroy(context); }
CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice) {
  *context = primary_context();
  return CUDA_SUCCESS;
}
CUresult cuDevicePrimaryCtxRelease(CUdevice) {
  finish_all();
  return CUDA_SUCCESS;
}
CUresult cuCtxPushCurrent(CUcontext context) {
  contexts.push_back(context);
  return CUDA_SUCCESS;
}
CUresult cuCtxPopCurrent(CUcontext* context) {
  if (contexts.empty()) return CUDA_ERROR_INVALID_CONTEXT;
  if (context != nullptr) *context = contexts.back();
  contexts.pop_back();
  return CUDA_SUCCESS;
}
CUresult cuCtxGetCurrent(CUcontext* context) {
  *context = contexts.empty() ? nullptr : contexts.back();
  return CUDA_SUCCESS;
}
CUresult cuCtxGetDevice(CUdevice* device) {
  *device = 0;
  return contexts.empty() ? CUDA_ERROR_INVALID_CONTEXT : CUDA_SUCCESS;
}
CUresult cuCtxSynchronize() {
  finish_all();
  return report();
}

CUresult cuStreamCreate(CUstream* stream, unsigned int flags) {
  *stream = reinterpret_cast<CUstream>(new Stream(!(flags & CU_STREAM_NON_BLOCKING)));
  return CUDA_SUCCESS;
}
CUresult cuStreamDestroy(CUstream stream) {
  stream_of(stream)->finish();
  delete stream_of(stream);
  return CUDA_SUCCESS;
}
CUresult cuStreamSynchronize(CUstream stream) {
  if (is_null(stream)) {
    finish_blocking();
  } else {
    stream_of(stream)->finish();
  }
  return report();
}
// Work that nobody waits for is never done, so a loop of queries would not end: a query does all
// that can be done.
CUresult cuStreamQuery(CUstream stream) {
  if (is_null(stream)) return cuStreamSynchronize(stream);
  Stream* self = stream_of(stream);
  return self->advance(self->last()) ? report() : CUDA_ERROR_NOT_READY;
}
CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned int) {
  // What the event means is settled now: a later record is another point.
  const Event point = *event_of(event);
  return enqueue_attempt(stream, [point] { return Event(point).advance(); });
}
// Of the emulated driver alone, for a library that puts work of its own into a stream.
CUresult emulatedEnqueue(CUstream stream, int (*attempt)(void*), void* argument) {
  return enqueue_attempt(stream, [=] { return attempt(argument) != 0; });
}

CUresult cuEventCreate(CUevent* event, unsigned int) {
  *event = reinterpret_cast<CUevent>(new Event);
  return CUDA_SUCCESS;
}
CUresult cuEventDestroy(CUevent event) {
  delete event_of(event);
  return CUDA_SUCCESS;
}
CUresult cuEventRecord(CUevent event, CUstream stream) {
  Event* self = event_of(event);
  if (is_null(stream)) {
    finish_blocking();
    self->stream = nullptr;
    *self->time = now();
    return report();
  }
  self->stream = stream_of(stream);
  self->number = self->stream->add([time = self->time] {
    *time = now();
    return true;
  });
  return CUDA_SUCCESS;
}
CUresult cuEventSynchronize(CUevent event) {
  event_of(event)->finish();
  return report();
}
CUresult cuEventQuery(CUevent event) {
  return event_of(event)->advance() ? report() : CUDA_ERROR_NOT_READY;
}
CUresult cuEventElapsedTime(float* milliseconds, CUevent start, CUevent end) {
  *milliseconds = static_cast<float>((*event_of(end)->time - *event_of(start)->time) * 1e3);
  return CUDA_SUCCESS;
}

// Unknown numbers are refused, as by the driver: a caller may go through all of them.
CUresult cuGetErrorString(CUresult error, const char** text) {
  const ErrorRow* row = row_of(error);
  if (row == nullptr) return CUDA_ERROR_INVALID_VALUE;
  const bool told = error == CUDA_ERROR_LAUNCH_FAILED && !reported().empty();
  *text = told ? reported().c_str() : row->text;
  return CUDA_SUCCESS;
}
CUresult cuGetErrorName(CUresult error, const char** name) {
  const ErrorRow* row = row_of(error);
  if (row == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *name = row->name;
  return CUDA_SUCCESS;
}

}  // extern "C"
