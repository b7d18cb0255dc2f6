// Contexts: those of the process, the stack of each thread, and what a call needs before it begins.
#ifndef EMULATOR_CONTEXT_H
#define EMULATOR_CONTEXT_H

#include <cuda.h>

#include <vector>

#include "errors.h"
#include "handles.h"

namespace emulator {

struct Context {
  Context(CUdevice device, bool primary, unsigned flags)
      : device(device), primary(primary), flags(flags) {}

  const CUdevice device;
  const bool primary;
  unsigned flags;
  bool active = true;  // a primary context is not, unless somebody retains it
  unsigned retained = 0;
  // What ended it: all later calls give this error, until the context is gone.
  Failure failure;
};

Handles<CUcontext, Context>& contexts();
std::vector<CUcontext>& context_stack();  // of this thread; the last one is current
CUcontext primary_context(CUdevice device);
// Work of the context that has not been done is given up; all later calls give the error.
void end(Context& context, const Failure& failure);
// What lives in the context is gone: memory, modules, streams, events.
void clear(Context& context);

void begin_driver();  // cuInit
int device_count();

// A call of the interface: calls of all threads happen one after the other.
class Call {
 public:
  Call();
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
};
// In a call that waits for another process: lets calls of other threads happen.
void let_others();

// The error of a call that needs the driver, or a current context that is well, and has none.
CUresult driver_problem();
CUresult context_problem();
inline Context& current() { return *contexts().find(context_stack().back()); }

template <typename Body> CUresult with_driver(Body body) {
  const Call call;
  const CUresult problem = driver_problem();
  return problem ? problem : body();
}

template <typename Body> CUresult in_context(Body body) {
  const Call call;
  const CUresult problem = context_problem();
  return problem ? problem : body(current());
}

}  // namespace emulator
#endif
