// Streams: work happens when it is waited for, not when it is asked for, so that a missing wait
// shows. The null stream is the legacy one: it waits for all other streams, and runs at once.
// Work that depends on another process (a transfer between ranks) may have to be tried again.
#ifndef EMULATOR_QUEUE_H
#define EMULATOR_QUEUE_H

#include <deque>
#include <functional>
#include <memory>
#include <set>

namespace emulator {

// Returns true once it is done; what returns false is called again.
using Attempt = std::function<bool()>;

class Stream {
 public:
  explicit Stream(bool blocking);
  ~Stream();
  // Work is numbered in the order in which it was asked for.
  unsigned long long add(Attempt work);
  unsigned long long last() const { return done_ + work_.size(); }
  void finish() { finish(last()); }       // all of it
  void finish(unsigned long long until);  // up to and with this number
  // As far as it goes now; true where that is up to this number.
  bool advance(unsigned long long until);
  bool idle() const { return work_.empty(); }
  bool blocking() const { return blocking_; }

  static std::set<Stream*>& all();

 private:
  std::deque<Attempt> work_;
  unsigned long long done_ = 0;
  bool blocking_;
};

struct Event {
  Stream* stream = nullptr;  // null: recorded in the null stream, or never, or the stream is gone
  unsigned long long number = 0;
  // Seconds, when the stream came to it; outlives an event that is destroyed before.
  std::shared_ptr<double> time = std::make_shared<double>(0);
  void finish();
  bool advance();
};

}  // namespace emulator
#endif
