#include "queue.h"

namespace emulator {

Stream::Stream(bool blocking) : blocking_(blocking) { all().insert(this); }
Stream::~Stream() { all().erase(this); }

std::set<Stream*>& Stream::all() {
  static std::set<Stream*> streams;
  return streams;
}

unsigned long long Stream::add(std::function<void()> work) {
  work_.push_back(std::move(work));
  return done_ + work_.size();
}

void Stream::finish() { finish(done_ + work_.size()); }

void Stream::finish(unsigned long long until) {
  while (done_ < until && !work_.empty()) {
    const std::function<void()> work = std::move(work_.front());
    work_.pop_front();
    ++done_;
    work();
  }
}

void Event::finish() {
  if (stream != nullptr && Stream::all().count(stream)) stream->finish(number);
}

}  // namespace emulator
