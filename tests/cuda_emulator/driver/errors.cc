// The driver's interface: names and texts of errors.
#include "errors.h"

namespace emulator {
namespace {

thread_local Failure last_refused;
thread_local std::string told;  // what a caller of this thread holds a pointer to

struct ErrorRow { CUresult code; const char *name, *text; };
#define ROW(code, text) {code, #code, text}
constexpr ErrorRow kErrors[] = {
    ROW(CUDA_SUCCESS, "no error"),
    ROW(CUDA_ERROR_INVALID_VALUE, "invalid argument"),
    ROW(CUDA_ERROR_OUT_OF_MEMORY, "out of memory"),
    ROW(CUDA_ERROR_NOT_INITIALIZED, "initialization error"),
    ROW(CUDA_ERROR_INVALID_DEVICE, "invalid device ordinal"),
    ROW(CUDA_ERROR_INVALID_IMAGE, "device kernel image is invalid"),
    ROW(CUDA_ERROR_INVALID_CONTEXT, "invalid device context"),
    ROW(CUDA_ERROR_NO_BINARY_FOR_GPU,
        "no kernel image is available for execution on the device"),
    ROW(CUDA_ERROR_FILE_NOT_FOUND, "file not found"),
    ROW(CUDA_ERROR_OPERATING_SYSTEM, "OS call failed or operation not supported on this OS"),
    ROW(CUDA_ERROR_INVALID_HANDLE, "invalid resource handle"),
    ROW(CUDA_ERROR_NOT_FOUND, "named symbol not found"),
    ROW(CUDA_ERROR_NOT_READY, "device not ready"),
    ROW(CUDA_ERROR_ILLEGAL_ADDRESS, "an illegal memory access was encountered"),
    ROW(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, "too many resources requested for launch"),
    ROW(CUDA_ERROR_CONTEXT_IS_DESTROYED, "context is destroyed"),
    ROW(CUDA_ERROR_HARDWARE_STACK_ERROR, "hardware stack error"),
    ROW(CUDA_ERROR_MISALIGNED_ADDRESS, "misaligned address"),
    ROW(CUDA_ERROR_LAUNCH_FAILED, "unspecified launch failure"),
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

CUresult refuse(CUresult code, const std::string& detail) {
  last_refused = {code, detail};
  return code;
}

void forget_detail() { last_refused = {}; }

}  // namespace emulator

using namespace emulator;

extern "C" {

// Unknown numbers are refused, as by the driver: a caller may go through all of them.
CUresult cuGetErrorString(CUresult error, const char** text) {
  const ErrorRow* row = row_of(error);
  *text = row ? row->text : nullptr;
  if (row == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (error != CUDA_SUCCESS && error == last_refused.code) {
    told = std::string(row->text) + " - " + last_refused.text;
    *text = told.c_str();
    forget_detail();
  }
  return CUDA_SUCCESS;
}
CUresult cuGetErrorName(CUresult error, const char** name) {
  const ErrorRow* row = row_of(error);
  *name = row ? row->name : nullptr;
  return row ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

}  // extern "C"
