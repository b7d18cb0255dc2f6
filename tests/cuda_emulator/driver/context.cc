#include "context.h"

#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include <map>
#include <mutex>

#include "memory.h"
#include "module.h"
#include "queue.h"

namespace emulator {
namespace {

std::mutex turn;
pid_t initialised_in = 0;

}  // namespace

Handles<CUcontext, Context>& contexts() {
  static auto& all = *new Handles<CUcontext, Context>;
  return all;
}

std::vector<CUcontext>& context_stack() {
  static thread_local std::vector<CUcontext> stack;
  return stack;
}

CUcontext primary_context(CUdevice device) {
  static std::map<CUdevice, CUcontext> made;
  auto found = made.find(device);
  if (found != made.end()) return found->second;
  auto context = std::make_unique<Context>(device, true, 0);
  context->active = false;
  return made[device] = contexts().add(std::move(context));
}

void end(Context& context, const Failure& failure) {
  if (!context.failure) context.failure = failure;
  for (CUstream stream : streams_of(context)) streams().find(stream)->drop();
}

void clear(Context& context) {
  if (!context.failure) finish_all(context);
  forget_streams(context);
  forget_modules(context);
  forget_memory(context);
  context.failure = {};
  context.active = false;
}

// As many as $GRAPHC_CUDA_DEVICES says. They have one memory: a process uses one of them.
int device_count() {
  const char* given = getenv("GRAPHC_CUDA_DEVICES");
  return given == nullptr ? 1 : atoi(given);
}

void begin_driver() {
  if (initialised_in == 0) initialised_in = getpid();
}

Call::Call() {
  turn.lock();
  forget_detail();
}
Call::~Call() { turn.unlock(); }

void let_others() {
  turn.unlock();
  sched_yield();
  turn.lock();
}

CUresult driver_problem() {
  if (initialised_in == getpid()) return CUDA_SUCCESS;
  return refuse(CUDA_ERROR_NOT_INITIALIZED,
                initialised_in ? "cuInit was called in the process that this one was forked from"
                               : "cuInit has not been called");
}

CUresult context_problem() {
  const CUresult problem = driver_problem();
  if (problem) return problem;
  if (context_stack().empty()) {
    return refuse(CUDA_ERROR_INVALID_CONTEXT, "no context is current in this thread");
  }
  Context* context = contexts().find(context_stack().back());
  if (context == nullptr || !context->active) {
    return refuse(CUDA_ERROR_CONTEXT_IS_DESTROYED,
                  context ? "the current primary context was reset, or is not retained"
                          : "the current context was destroyed");
  }
  if (context->failure) return refuse(context->failure.code, context->failure.text);
  return CUDA_SUCCESS;
}

}  // namespace emulator
