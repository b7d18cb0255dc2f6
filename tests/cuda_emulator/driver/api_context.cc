// The driver's interface: contexts.
#include "context.h"
#include "queue.h"

using namespace emulator;

namespace {

CUresult wrong_device(CUdevice device) {
  return 0 <= device && device < device_count() ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

bool wrong_flags(unsigned flags) { return flags & ~unsigned(CU_CTX_FLAGS_MASK); }

CUresult no_context() {
  return refuse(CUDA_ERROR_INVALID_CONTEXT, "no context, or one that was destroyed");
}

}  // namespace

extern "C" {

CUresult cuCtxCreate(CUcontext* context, CUctxCreateParams* parameters, unsigned int flags,
                     CUdevice device) {
  return with_driver([&]() -> CUresult {
    if (wrong_device(device)) return CUDA_ERROR_INVALID_DEVICE;
    if (context == nullptr || wrong_flags(flags)) return CUDA_ERROR_INVALID_VALUE;
    if (parameters != nullptr) return CUDA_ERROR_NOT_SUPPORTED;
    *context = contexts().add(std::make_unique<Context>(device, false, flags));
    context_stack().push_back(*context);
    return CUDA_SUCCESS;
  });
}

// Of a primary context it is no error that the manual names; taken to be none of the caller's own.
CUresult cuCtxDestroy(CUcontext handle) {
  return with_driver([&]() -> CUresult {
    Context* context = contexts().find(handle);
    if (context == nullptr || context->primary) return no_context();
    clear(*context);
    contexts().erase(handle);
    // Threads that it is current to otherwise keep it, as one that is destroyed.
    if (!context_stack().empty() && context_stack().back() == handle) context_stack().pop_back();
    return CUDA_SUCCESS;
  });
}
CUresult cuCtxDetach(CUcontext context) { return cuCtxDestroy(context); }

CUresult cuCtxPushCurrent(CUcontext handle) {
  return with_driver([&]() -> CUresult {
    if (contexts().find(handle) == nullptr) return no_context();
    context_stack().push_back(handle);
    return CUDA_SUCCESS;
  });
}
CUresult cuCtxPopCurrent(CUcontext* handle) {
  return with_driver([&]() -> CUresult {
    if (context_stack().empty()) {
      return refuse(CUDA_ERROR_INVALID_CONTEXT, "no context is current in this thread");
    }
    if (handle != nullptr) *handle = context_stack().back();
    context_stack().pop_back();
    return CUDA_SUCCESS;
  });
}
CUresult cuCtxSetCurrent(CUcontext handle) {
  return with_driver([&]() -> CUresult {
    if (handle != nullptr && contexts().find(handle) == nullptr) return no_context();
    if (!context_stack().empty()) context_stack().pop_back();
    if (handle != nullptr) context_stack().push_back(handle);
    return CUDA_SUCCESS;
  });
}
CUresult cuCtxGetCurrent(CUcontext* handle) {
  return with_driver([&]() -> CUresult {
    if (handle == nullptr) return CUDA_ERROR_INVALID_VALUE;
    *handle = context_stack().empty() ? nullptr : context_stack().back();
    return CUDA_SUCCESS;
  });
}
CUresult cuCtxGetDevice(CUdevice* device) {
  return in_context([&](Context& context) {
    *device = context.device;
    return CUDA_SUCCESS;
  });
}
CUresult cuCtxSynchronize() {
  return in_context([](Context& context) {
    finish_all(context);
    return context_problem();
  });
}

CUresult cuDevicePrimaryCtxRetain(CUcontext* handle, CUdevice device) {
  return with_driver([&]() -> CUresult {
    if (wrong_device(device)) return CUDA_ERROR_INVALID_DEVICE;
    if (handle == nullptr) return CUDA_ERROR_INVALID_VALUE;
    *handle = primary_context(device);
    Context& context = *contexts().find(*handle);
    ++context.retained;
    context.active = true;
    return CUDA_SUCCESS;
  });
}
// It stays current where it is, and is gone when nobody retains it.
CUresult cuDevicePrimaryCtxRelease(CUdevice device) {
  return with_driver([&]() -> CUresult {
    if (wrong_device(device)) return CUDA_ERROR_INVALID_DEVICE;
    Context& context = *contexts().find(primary_context(device));
    if (context.retained == 0) return no_context();
    if (--context.retained == 0) clear(context);
    return CUDA_SUCCESS;
  });
}
// Who retains it still has to release it; it begins anew when it is retained once more.
CUresult cuDevicePrimaryCtxReset(CUdevice device) {
  return with_driver([&]() -> CUresult {
    if (wrong_device(device)) return CUDA_ERROR_INVALID_DEVICE;
    clear(*contexts().find(primary_context(device)));
    return CUDA_SUCCESS;
  });
}
CUresult cuDevicePrimaryCtxSetFlags(CUdevice device, unsigned int flags) {
  return with_driver([&]() -> CUresult {
    if (wrong_device(device)) return CUDA_ERROR_INVALID_DEVICE;
    if (wrong_flags(flags)) return CUDA_ERROR_INVALID_VALUE;
    contexts().find(primary_context(device))->flags = flags;
    return CUDA_SUCCESS;
  });
}
CUresult cuDevicePrimaryCtxGetState(CUdevice device, unsigned int* flags, int* active) {
  return with_driver([&]() -> CUresult {
    if (wrong_device(device)) return CUDA_ERROR_INVALID_DEVICE;
    const Context& context = *contexts().find(primary_context(device));
    *flags = context.flags;
    *active = context.active;
    return CUDA_SUCCESS;
  });
}

// Of the emulated driver alone, for tests that plant faults: all contexts are well again, with what
// is in their memory.
void emulatedForgive() {
  const Call call;
  for (CUcontext handle : contexts().select([](const Context&) { return true; })) {
    contexts().find(handle)->failure = {};
  }
}

}  // extern "C"
