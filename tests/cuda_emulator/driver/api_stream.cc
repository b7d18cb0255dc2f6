// The driver's interface: streams and events.
#include <chrono>

#include "queue.h"

using namespace emulator;

namespace {

double now() {
  const auto time = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(time).count();
}

CUresult no_stream() {
  return refuse(CUDA_ERROR_INVALID_HANDLE, "no stream, or one that was destroyed");
}
CUresult no_event() {
  return refuse(CUDA_ERROR_INVALID_HANDLE, "no event, or one that was destroyed");
}

}  // namespace

extern "C" {

CUresult cuStreamCreate(CUstream* stream, unsigned int flags) {
  return in_context([&](Context& context) {
    if (stream == nullptr || flags & ~unsigned(CU_STREAM_NON_BLOCKING)) {
      return CUDA_ERROR_INVALID_VALUE;
    }
    const bool blocking = !(flags & CU_STREAM_NON_BLOCKING);
    *stream = streams().add(std::make_unique<Stream>(context, blocking));
    return CUDA_SUCCESS;
  });
}
CUresult cuStreamDestroy(CUstream stream) {
  return in_context([&](Context&) {
    finish(stream);
    return streams().erase(stream) ? CUDA_SUCCESS : no_stream();
  });
}
CUresult cuStreamSynchronize(CUstream stream) {
  return in_context([&](Context& context) {
    if (is_null(stream)) {
      finish_blocking(context);
    } else if (streams().find(stream) == nullptr) {
      return no_stream();
    } else {
      finish(stream);
    }
    return context_problem();
  });
}
// Work that nobody waits for is never done, so a loop of queries would not end: a query does all
// that can be done.
CUresult cuStreamQuery(CUstream handle) {
  return in_context([&](Context& context) {
    if (is_null(handle)) {
      finish_blocking(context);
      return context_problem();
    }
    Stream* stream = streams().find(handle);
    if (stream == nullptr) return no_stream();
    return stream->advance(stream->last()) ? context_problem() : CUDA_ERROR_NOT_READY;
  });
}
// The event may be another context's.
CUresult cuStreamWaitEvent(CUstream stream, CUevent handle, unsigned int flags) {
  return in_context([&](Context& context) {
    const Event* event = events().find(handle);
    if (event == nullptr) return no_event();
    if (flags & ~unsigned(CU_EVENT_WAIT_EXTERNAL)) return CUDA_ERROR_INVALID_VALUE;
    // What the event means is settled now: a later record is another point.
    return enqueue_attempt(context, stream, [point = *event] { return point.advance(); });
  });
}
// Of the emulated driver alone, for a library that puts work of its own into a stream.
CUresult emulatedEnqueue(CUstream stream, int (*attempt)(void*), void* argument) {
  return in_context([&](Context& context) {
    return enqueue_attempt(context, stream, [=] { return attempt(argument) != 0; });
  });
}

CUresult cuEventCreate(CUevent* event, unsigned int flags) {
  return in_context([&](Context& context) {
    const unsigned known = CU_EVENT_BLOCKING_SYNC | CU_EVENT_DISABLE_TIMING;
    if (event == nullptr || flags & ~known) return CUDA_ERROR_INVALID_VALUE;
    *event = events().add(std::make_unique<Event>(context, !(flags & CU_EVENT_DISABLE_TIMING)));
    return CUDA_SUCCESS;
  });
}
CUresult cuEventDestroy(CUevent event) {
  return in_context([&](Context&) { return events().erase(event) ? CUDA_SUCCESS : no_event(); });
}
CUresult cuEventRecord(CUevent handle, CUstream stream) {
  return in_context([&](Context& context) {
    Event* event = events().find(handle);
    if (event == nullptr) return no_event();
    const Stream* found = streams().find(stream);
    if (!is_null(stream) && found == nullptr) return no_stream();
    if (&event->context != (found ? &found->context : &context)) {
      return refuse(CUDA_ERROR_INVALID_HANDLE, "the event and the stream are of two contexts");
    }
    auto time = event->time = std::make_shared<double>(0);
    event->stream = found ? stream : nullptr;
    const CUresult result = enqueue(context, stream, [time] { *time = now(); });
    if (found != nullptr) event->number = found->last();
    return result;
  });
}
CUresult cuEventSynchronize(CUevent handle) {
  return in_context([&](Context&) {
    const Event* event = events().find(handle);
    if (event == nullptr) return no_event();
    const Event point = *event;
    while (!point.advance()) let_others();
    return context_problem();
  });
}
CUresult cuEventQuery(CUevent handle) {
  return in_context([&](Context&) {
    const Event* event = events().find(handle);
    if (event == nullptr) return no_event();
    return event->advance() ? context_problem() : CUDA_ERROR_NOT_READY;
  });
}
CUresult cuEventElapsedTime(float* milliseconds, CUevent first, CUevent second) {
  return in_context([&](Context&) {
    const Event *start = events().find(first), *end = events().find(second);
    if (start == nullptr || end == nullptr) return no_event();
    for (const Event* event : {start, end}) {
      if (!event->recorded()) return refuse(CUDA_ERROR_INVALID_HANDLE, "an event without a record");
      if (!event->timed) return refuse(CUDA_ERROR_INVALID_HANDLE, "an event without a time");
    }
    if (&start->context != &end->context) {
      return refuse(CUDA_ERROR_INVALID_HANDLE, "events of two contexts");
    }
    if (*start->time == 0 || *end->time == 0) return CUDA_ERROR_NOT_READY;
    *milliseconds = static_cast<float>((*end->time - *start->time) * 1e3);
    return CUDA_SUCCESS;
  });
}

}  // extern "C"
