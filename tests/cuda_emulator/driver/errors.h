// Errors as a caller sees them: a code, and what the emulation knows beyond it.
#ifndef EMULATOR_ERRORS_H
#define EMULATOR_ERRORS_H

#include <cuda.h>

#include <string>

namespace emulator {

struct Failure {
  CUresult code = CUDA_SUCCESS;
  std::string text;
  explicit operator bool() const { return code != CUDA_SUCCESS; }
};

// Returns the code; what cuGetErrorString next says of it in this thread ends with the detail.
CUresult refuse(CUresult code, const std::string& detail);
void forget_detail();

}  // namespace emulator
#endif
