// Streams: work happens when it is waited for, not when it is asked for, so that a missing wait
// shows. The null stream is the legacy one: it waits for all other streams, and runs at once.
// Work that depends on another process (a transfer between ranks) may have to be tried again.
#ifndef EMULATOR_QUEUE_H
#define EMULATOR_QUEUE_H

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "context.h"

namespace emulator {

// Returns true once it is done; what returns false is called again.
using Attempt = std::function<bool()>;

class Stream {
 public:
  Stream(Context& context, bool blocking) : context(context), blocking(blocking) {}
  // Work is numbered in the order in which it was asked for.
  unsigned long long add(Attempt work);
  unsigned long long last() const { return done_ + work_.size(); }
  // As far as it goes now; true where that is up to this number.
  bool advance(unsigned long long until);
  void drop();  // gives up what has not been done

  Context& context;
  const bool blocking;

 private:
  std::deque<Attempt> work_;
  unsigned long long done_ = 0;
};

struct Event {
  Event(Context& context, bool timed) : context(context), timed(timed) {}
  bool recorded() const { return time != nullptr; }
  // True once its stream, if there still is one, has come to it.
  bool advance() const;

  Context& context;
  const bool timed;
  CUstream stream = nullptr;  // null: recorded in the null stream
  unsigned long long number = 0;
  // Seconds, 0 until the stream comes to it; outlives an event that is destroyed before.
  std::shared_ptr<double> time;
};

Handles<CUstream, Stream>& streams();
Handles<CUevent, Event>& events();
std::vector<CUstream> streams_of(const Context& context);
void forget_streams(const Context& context);  // and its events

inline bool is_null(CUstream stream) {
  return stream == nullptr || stream == CU_STREAM_LEGACY || stream == CU_STREAM_PER_THREAD;
}

// Waits; of a stream that is gone for nothing.
void finish(CUstream stream);
// All streams of the context, or those which its null stream waits for.
void finish_all(const Context& context);
void finish_blocking(const Context& context);

// In the null stream at once, after all blocking streams; in another when it is waited for.
CUresult enqueue(Context& context, CUstream stream, std::function<void()> work);
CUresult enqueue_attempt(Context& context, CUstream stream, Attempt work);

}  // namespace emulator
#endif
