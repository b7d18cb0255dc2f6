#include "state.h"

#include <sched.h>

#include <iterator>
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

std::map<CUdeviceptr, std::unique_ptr<Allocation>>& allocations() {
  static std::map<CUdeviceptr, std::unique_ptr<Allocation>> map;
  return map;
}

CUdeviceptr allocate(size_t bytes) {
  auto memory = std::make_unique<Allocation>(bytes);
  const auto address = reinterpret_cast<CUdeviceptr>(memory->data());
  allocations()[address] = std::move(memory);
  return address;
}

Allocation* allocation_at(CUdeviceptr address) {
  auto next = allocations().upper_bound(address);
  if (next == allocations().begin()) return nullptr;
  Allocation& found = *std::prev(next)->second;
  return address - std::prev(next)->first <= found.bytes() ? &found : nullptr;
}

char* device_memory(CUdeviceptr address, size_t bytes) {
  Allocation* found = allocation_at(address);
  if (found == nullptr) return nullptr;
  const size_t offset = address - reinterpret_cast<CUdeviceptr>(found->data());
  return bytes <= found->bytes() - offset ? found->data() + offset : nullptr;
}

ptx::Region device_region(uint64_t address) {
  // An address just outside belongs to the memory that it is nearest to, so that errors name it.
  constexpr uint64_t kNear = 256;
  for (const uint64_t at : {address, address + kNear, address - kNear}) {
    Allocation* found = allocation_at(at);
    if (found == nullptr) continue;
    return {reinterpret_cast<uint64_t>(found->data()), found->bytes(), found->data(),
            &found->shadow};
  }
  return {};
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
    // Nobody sees which bytes compiled source writes.
    if (launch.program == nullptr) memory->shadow.mark(0, memory->bytes());
    const std::string damage = memory->damage();
    if (damage.empty() || !message.empty()) continue;
    message = "kernel " + std::string(name(launch)) +
              ": store outside of device memory: " + damage;
  }
  if (!sanitizer_report.empty()) message += "\n" + sanitizer_report;
  if (!message.empty()) fail(message);
}

}  // namespace emulator
