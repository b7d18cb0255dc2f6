#include "queue.h"

#include <sched.h>

namespace emulator {

Stream::Stream(bool blocking) : blocking_(blocking) { all().insert(this); }
Stream::~Stream() { all().erase(this); }

std::set<Stream*>& Stream::all() {
  static std::set<Stream*> streams;
  return streams;
}

unsigned long long Stream::add(Attempt work) {
  work_.push_back(std::move(work));
  return last();
}

void Stream::finish(unsigned long long until) {
  while (!advance(until)) sched_yield();
}

bool Stream::advance(unsigned long long until) {
  while (done_ < until && !work_.empty()) {
    Attempt work = std::move(work_.front());
    work_.pop_front();
    ++done_;
    if (work()) continue;
    work_.push_front(std::move(work));
    --done_;
    return false;
  }
  return true;
}

void Event::finish() {
  while (!advance()) sched_yield();
}

bool Event::advance() {
  return stream == nullptr || !Stream::all().count(stream) || stream->advance(number);
}

}  // namespace emulator
