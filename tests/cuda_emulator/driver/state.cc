#include "state.h"

#include <sched.h>

#include <mutex>

#include "sanitizer.h"

namespace emulator {
namespace {

std::string failure, last_reported;
std::string sanitizer_report;

void watch_sanitizer() {
#ifdef __SANITIZE_ADDRESS__
  static std::once_flag once;
  std::call_once(once, [] {
    __asan_set_error_report_callback([](const char* text) { sanitizer_report = text; });
  });
#endif
}

}  // namespace

std::map<CUdeviceptr, std::unique_ptr<Guarded>>& allocations() {
  static std::map<CUdeviceptr, std::unique_ptr<Guarded>> map;
  return map;
}

char* device_memory(CUdeviceptr address, size_t bytes) {
  auto next = allocations().upper_bound(address);
  if (next == allocations().begin()) return nullptr;
  const auto& [start, memory] = *--next;
  const size_t offset = address - start;
  if (offset > memory->bytes() || bytes > memory->bytes() - offset) return nullptr;
  return memory->data() + offset;
}

size_t bytes_in_use() {
  size_t total = 0;
  for (auto& [address, memory] : allocations()) total += memory->bytes();
  return total;
}

void fail(const std::string& message) {
  if (failure.empty()) failure = message;
}

CUresult report() {
  if (failure.empty()) return CUDA_SUCCESS;
  last_reported = std::move(failure);
  failure.clear();
  return CUDA_ERROR_LAUNCH_FAILED;
}

const std::string& reported() { return last_reported; }

void finish_all() {
  for (Stream* stream : Stream::all()) stream->finish();
}

void finish_blocking() {
  for (Stream* stream : Stream::all()) {
    if (stream->blocking()) stream->finish();
  }
}

CUresult enqueue(CUstream stream, std::function<void()> work) {
  return enqueue_attempt(stream, [work = std::move(work)] {
    work();
    return true;
  });
}

CUresult enqueue_attempt(CUstream stream, Attempt work) {
  if (!is_null(stream)) {
    stream_of(stream)->add(std::move(work));
    return CUDA_SUCCESS;
  }
  finish_blocking();
  while (!work()) sched_yield();
  return report();
}

void launch(const Launch& launch) {
  watch_sanitizer();
  sanitizer_report.clear();
  std::string message = run(launch);
  for (auto& [address, memory] : allocations()) {
    const std::string damage = memory->damage();
    if (damage.empty() || !message.empty()) continue;
    message = "kernel " + std::string(launch.kernel->name) +
              ": store outside of device memory: " + damage;
  }
  if (!sanitizer_report.empty()) message += "\n" + sanitizer_report;
  if (!message.empty()) fail(message);
}

}  // namespace emulator
