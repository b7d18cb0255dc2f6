#include "queue.h"

namespace emulator {
namespace {

void finish_each(const std::vector<CUstream>& chosen) {
  for (CUstream stream : chosen) finish(stream);
}

}  // namespace

unsigned long long Stream::add(Attempt work) {
  work_.push_back(std::move(work));
  return last();
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

void Stream::drop() {
  done_ += work_.size();
  work_.clear();
}

bool Event::advance() const {
  Stream* found = streams().find(stream);
  return found == nullptr || found->advance(number);
}

Handles<CUstream, Stream>& streams() {
  static auto& all = *new Handles<CUstream, Stream>;
  return all;
}

Handles<CUevent, Event>& events() {
  static auto& all = *new Handles<CUevent, Event>;
  return all;
}

std::vector<CUstream> streams_of(const Context& context) {
  return streams().select([&](const Stream& one) { return &one.context == &context; });
}

void forget_streams(const Context& context) {
  for (CUstream stream : streams_of(context)) streams().erase(stream);
  const auto own = events().select([&](const Event& one) { return &one.context == &context; });
  for (CUevent event : own) events().erase(event);
}

void finish(CUstream stream) {
  Stream* found = streams().find(stream);
  if (found == nullptr) return;
  const unsigned long long until = found->last();
  while ((found = streams().find(stream)) != nullptr && !found->advance(until)) let_others();
}

void finish_all(const Context& context) { finish_each(streams_of(context)); }

void finish_blocking(const Context& context) {
  finish_each(streams().select(
      [&](const Stream& one) { return &one.context == &context && one.blocking; }));
}

CUresult enqueue(Context& context, CUstream stream, std::function<void()> work) {
  return enqueue_attempt(context, stream, [work = std::move(work)] {
    work();
    return true;
  });
}

CUresult enqueue_attempt(Context& context, CUstream handle, Attempt work) {
  if (!is_null(handle)) {
    Stream* stream = streams().find(handle);
    if (stream == nullptr) {
      return refuse(CUDA_ERROR_INVALID_HANDLE, "no stream, or one that was destroyed");
    }
    stream->add(std::move(work));
    return CUDA_SUCCESS;
  }
  finish_blocking(context);
  CUresult problem = context_problem();
  if (problem) return problem;
  while (!work()) let_others();
  return context_problem();
}

}  // namespace emulator
