// Streams: work happens when it is waited for, not when it is asked for, so that a missing wait
// shows. The null stream is the legacy one: it waits for all other streams, and runs at once.
#ifndef EMULATOR_QUEUE_H
#define EMULATOR_QUEUE_H

#include <deque>
#include <functional>
#include <memory>
#include <set>

namespace emulator {

class Stream {
 public:
  explicit Stream(bool blocking);
  ~Stream();
  // Work is numbered in the order in which it was asked for.
  unsigned long long add(std::function<void()> work);
  void finish();                          // all of it
  void finish(unsigned long long until);  // up to and with this number
  bool idle() const { return work_.empty(); }
  bool blocking() const { return blocking_; }

  static std::set<Stream*>& all();

 private:
  std::deque<std::function<void()>> work_;
  unsigned long long done_ = 0;
  bool blocking_;
};

struct Event {
  Stream* stream = nullptr;  // null: recorded in the null stream, or never, or the stream is gone
  unsigned long long number = 0;
  // Seconds, when the stream came to it; outlives an event that is destroyed before.
  std::shared_ptr<double> time = std::make_shared<double>(0);
  void finish();
};

}  // namespace emulator
#endif
