// The driver's interface: modules, functions and launches.
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "launch.h"
#include "memory.h"
#include "queue.h"

using namespace emulator;

namespace {

constexpr size_t kLeastImage = 64;  // the header of an ELF file

CUresult no_function() {
  return refuse(CUDA_ERROR_INVALID_HANDLE, "no function, or one of a module that was unloaded");
}

CUresult load_told(Context& context, CUmodule* module, const void* image) {
  if (module == nullptr || image == nullptr) return CUDA_ERROR_INVALID_VALUE;
  std::string why;
  const CUresult result = load(context, static_cast<const char*>(image), module, &why);
  return result ? refuse(result, why) : result;
}

// As an environment says for the real driver: each launch is waited for.
bool launches_block() {
  const char* given = getenv("CUDA_LAUNCH_BLOCKING");
  return given != nullptr && strcmp(given, "1") == 0;
}

}  // namespace

extern "C" {

CUresult cuModuleLoadData(CUmodule* module, const void* image) {
  return in_context([&](Context& context) {
    return load_told(context, module, image);
  });
}

// The caller's log buffers say why an image was not taken.
CUresult cuModuleLoadDataEx(CUmodule* module, const void* image, unsigned int count,
                            CUjit_option* options, void** values) {
  return in_context([&](Context& context) {
    if (module == nullptr || image == nullptr) return CUDA_ERROR_INVALID_VALUE;
    std::string why;
    const CUresult result = load(context, static_cast<const char*>(image), module, &why);
    for (unsigned size = 0; size < count; ++size) {
      const bool error = options[size] == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES;
      if (!error && options[size] != CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES) continue;
      const CUjit_option wanted = error ? CU_JIT_ERROR_LOG_BUFFER : CU_JIT_INFO_LOG_BUFFER;
      size_t written = 0;
      for (unsigned buffer = 0; buffer < count; ++buffer) {
        if (options[buffer] != wanted) continue;
        written = std::min(error ? why.size() : 0, reinterpret_cast<size_t>(values[size]));
        memcpy(values[buffer], why.data(), written);
      }
      values[size] = reinterpret_cast<void*>(written);
    }
    return result;
  });
}

CUresult cuModuleLoad(CUmodule* module, const char* name) {
  return in_context([&](Context& context) -> CUresult {
    if (name == nullptr) return CUDA_ERROR_INVALID_VALUE;
    std::ifstream file(name, std::ios::binary);
    if (!file) return CUDA_ERROR_FILE_NOT_FOUND;
    const std::string image(std::istreambuf_iterator<char>(file), {});
    if (image.size() < kLeastImage) return CUDA_ERROR_INVALID_IMAGE;
    return load_told(context, module, image.data());
  });
}

CUresult cuModuleUnload(CUmodule handle) {
  return in_context([&](Context& context) -> CUresult {
    const Module* module = modules().find(handle);
    if (module == nullptr || &module->context != &context) {
      return refuse(CUDA_ERROR_INVALID_HANDLE, "no module of the context, or one unloaded before");
    }
    finish_all(context);
    unload(handle);
    return context_problem();
  });
}

CUresult cuModuleGetFunction(CUfunction* function, CUmodule handle, const char* name) {
  return in_context([&](Context&) -> CUresult {
    const Module* module = modules().find(handle);
    if (module == nullptr) {
      return refuse(CUDA_ERROR_INVALID_HANDLE, "no module, or one that was unloaded");
    }
    if (function == nullptr || name == nullptr) return CUDA_ERROR_INVALID_VALUE;
    auto found = module->functions.find(name);
    if (found == module->functions.end()) return refuse(CUDA_ERROR_NOT_FOUND, name);
    *function = found->second;
    return CUDA_SUCCESS;
  });
}

CUresult cuFuncGetAttribute(int* value, CUfunction_attribute attribute, CUfunction handle) {
  return in_context([&](Context&) -> CUresult {
    const Function* function = functions().find(handle);
    if (function == nullptr) return no_function();
    if (value == nullptr) return CUDA_ERROR_INVALID_VALUE;
    switch (attribute) {
      case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK: *value = most_threads(*function); break;
      case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES: *value = function->static_shared(); break;
      case CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES: *value = function->local_bytes(); break;
      case CU_FUNC_ATTRIBUTE_NUM_REGS: *value = function->registers(); break;
      case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
        *value = static_cast<int>(function->dynamic_limit);
        break;
      default: return CUDA_ERROR_NOT_SUPPORTED;
    }
    return CUDA_SUCCESS;
  });
}

CUresult cuFuncSetAttribute(CUfunction handle, CUfunction_attribute attribute, int value) {
  return in_context([&](Context&) -> CUresult {
    Function* function = functions().find(handle);
    if (function == nullptr) return no_function();
    if (attribute != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES) {
      return CUDA_ERROR_NOT_SUPPORTED;
    }
    if (value < 0 || value + size_t(function->static_shared()) > card().most_shared) {
      return refuse(CUDA_ERROR_INVALID_VALUE,
                    "kernel " + function->name() + ": expected 0 to " +
                        std::to_string(card().most_shared - function->static_shared()) +
                        " bytes of dynamic shared memory, received " + std::to_string(value));
    }
    function->dynamic_limit = value;
    return CUDA_SUCCESS;
  });
}

// PyCUDA still calls it, although each launch names its block.
CUresult cuFuncSetBlockShape(CUfunction handle, int x, int y, int z) {
  return in_context([&](Context&) -> CUresult {
    if (functions().find(handle) == nullptr) return no_function();
    return x > 0 && y > 0 && z > 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
  });
}

CUresult cuFuncSetCacheConfig(CUfunction handle, CUfunc_cache) {
  return in_context(
      [&](Context&) { return functions().find(handle) ? CUDA_SUCCESS : no_function(); });
}

CUresult cuLaunchKernel(CUfunction handle, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                        unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared,
                        CUstream stream, void** separate, void** extra) {
  return in_context([&](Context& context) -> CUresult {
    const Function* function = functions().find(handle);
    if (function == nullptr) return no_function();
    const Stream* found = streams().find(stream);
    const Context& other = found ? found->context : context;
    if (&function->context != &context || &other != &context) {
      return refuse(CUDA_ERROR_INVALID_HANDLE,
                    "kernel " + function->name() + ": it or its stream is another context's");
    }
    const uint3 grid = {grid_x, grid_y, grid_z}, block = {block_x, block_y, block_z};
    CUresult problem = check_launch(*function, grid, block, shared);
    if (problem) return problem;
    Launch asked{function->module, function->kernel, function->program, grid, block, shared,
                 shared_limit(*function), {}};
    problem = parameters_of(*function, separate, extra, &asked.parameters);
    if (problem) return problem;
    problem = enqueue(context, stream, [&context, asked] { launch(context, asked); });
    if (problem || !launches_block()) return problem;
    finish(stream);
    return context_problem();
  });
}

}  // extern "C"
