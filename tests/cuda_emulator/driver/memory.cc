#include "memory.h"

#include <stdlib.h>

#include <deque>
#include <iterator>

namespace emulator {
namespace {

struct PageLocked {
  const Context* context;
  size_t bytes;
};

// By its address.
std::map<const char*, PageLocked>& page_locked() {
  static std::map<const char*, PageLocked> all;
  return all;
}

// What was freed last is kept for a while, so that a kernel that stores into it is found out. All
// of it is looked at after each launch, so it is little.
constexpr size_t kKept = 16, kLargestKept = 4096;
std::deque<std::unique_ptr<Allocation>>& freed() {
  static std::deque<std::unique_ptr<Allocation>> all;
  return all;
}

void keep(std::unique_ptr<Allocation> memory) {
  if (memory->bytes() > kLargestKept) return;
  memory->fill();
  memory->forbid();
  freed().push_back(std::move(memory));
  if (freed().size() > kKept) freed().pop_front();
}

}  // namespace

std::map<CUdeviceptr, std::unique_ptr<Allocation>>& allocations() {
  static std::map<CUdeviceptr, std::unique_ptr<Allocation>> map;
  return map;
}

CUdeviceptr allocate(Context& context, size_t bytes) {
  auto memory = std::make_unique<Allocation>(context, bytes);
  const auto address = reinterpret_cast<CUdeviceptr>(memory->data());
  allocations()[address] = std::move(memory);
  return address;
}

bool release(const Context& context, CUdeviceptr address) {
  auto found = allocations().find(address);
  if (found == allocations().end() || &found->second->context != &context) return false;
  keep(std::move(found->second));
  allocations().erase(found);
  return true;
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

size_t bytes_in_use() {
  size_t total = 0;
  for (auto& [address, memory] : allocations()) total += memory->bytes();
  return total;
}

std::string damage(const Context& context) {
  std::string first;
  for (auto& [address, memory] : allocations()) {
    if (&memory->context != &context) continue;
    const std::string found = memory->damage();
    if (first.empty() && !found.empty()) first = "store outside of device memory: " + found;
  }
  for (auto& memory : freed()) {
    if (&memory->context != &context) continue;
    const std::string found = memory->change();
    if (!first.empty() || found.empty()) continue;
    first = "store into device memory that was freed: " + found;
  }
  return first;
}

char* page_lock(Context& context, size_t bytes) {
  auto* address = static_cast<char*>(malloc(bytes));
  if (address != nullptr) page_locked()[address] = {&context, bytes};
  return address;
}

bool release_page_locked(const Context& context, void* address) {
  auto found = page_locked().find(static_cast<char*>(address));
  if (found == page_locked().end() || found->second.context != &context) return false;
  page_locked().erase(found);
  free(address);
  return true;
}

bool is_page_locked(const void* address, size_t bytes) {
  const auto* start = static_cast<const char*>(address);
  auto next = page_locked().upper_bound(start);
  if (next == page_locked().begin()) return false;
  const auto& [first, memory] = *std::prev(next);
  const size_t offset = start - first;
  return offset <= memory.bytes && bytes <= memory.bytes - offset;
}

void forget_memory(const Context& context) {
  for (auto next = allocations().begin(); next != allocations().end();) {
    next = &next->second->context == &context ? allocations().erase(next) : std::next(next);
  }
  for (auto next = page_locked().begin(); next != page_locked().end();) {
    if (next->second.context != &context) {
      ++next;
      continue;
    }
    free(const_cast<char*>(next->first));
    next = page_locked().erase(next);
  }
  std::deque<std::unique_ptr<Allocation>> others;
  for (auto& memory : freed()) {
    if (&memory->context != &context) others.push_back(std::move(memory));
  }
  freed() = std::move(others);
}

}  // namespace emulator
