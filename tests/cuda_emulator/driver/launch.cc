#include "launch.h"

#include <string.h>

#include <algorithm>
#include <mutex>

#include "memory.h"
#include "sanitizer.h"

namespace emulator {
namespace {

Context* running;
std::string sanitizer_report;

void watch_sanitizer() {
#ifdef __SANITIZE_ADDRESS__
  static std::once_flag once;
  std::call_once(once, [] {
    __asan_set_error_report_callback([](const char* text) { sanitizer_report = text; });
  });
#endif
}

bool between(unsigned value, unsigned most) { return 1 <= value && value <= most; }

std::string text(uint3 size) {
  return "(" + std::to_string(size.x) + "," + std::to_string(size.y) + "," +
         std::to_string(size.z) + ")";
}

}  // namespace

CUresult parameters_of(const Function& function, void** separate, void** extra,
                       std::vector<char>* out) {
  const emu_parameters& wanted = function.parameters();
  out->resize(wanted.bytes + 16);
  if (separate != nullptr && extra != nullptr) {
    return refuse(CUDA_ERROR_INVALID_VALUE, "parameters in two ways");
  }
  if (separate != nullptr) {
    for (unsigned i = 0; i < wanted.count; ++i) {
      memcpy(out->data() + wanted.offset[i], separate[i], wanted.size[i]);
    }
    return CUDA_SUCCESS;
  }
  const void* buffer = nullptr;
  size_t bytes = 0;
  for (; extra != nullptr && *extra != CU_LAUNCH_PARAM_END; extra += 2) {
    if (extra[0] == CU_LAUNCH_PARAM_BUFFER_POINTER) buffer = extra[1];
    if (extra[0] == CU_LAUNCH_PARAM_BUFFER_SIZE) bytes = *static_cast<size_t*>(extra[1]);
  }
  if (bytes != wanted.bytes) {
    return refuse(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES,
                  "kernel " + function.name() + ": expected " + std::to_string(wanted.bytes) +
                      " bytes of parameters, received " + std::to_string(bytes));
  }
  if (bytes) memcpy(out->data(), buffer, bytes);
  return CUDA_SUCCESS;
}

unsigned most_threads(const Function& function) {
  const unsigned bound = function.most_threads(), registers = function.registers();
  unsigned most = bound ? std::min(bound, kMostThreads) : kMostThreads;
  while (registers_of_block(registers, most) > kRegisters) most = (most - 1) / 32 * 32;
  return most;
}

size_t shared_limit(const Function& function) {
  const size_t asked = function.static_shared() + function.dynamic_limit;
  return std::min(std::max(asked, kSharedDefault), card().most_shared);
}

CUresult check_launch(const Function& function, uint3 grid, uint3 block, size_t dynamic_shared) {
  const auto refused = [&](CUresult code, const std::string& what) {
    return refuse(code, "kernel " + function.name() + ": " + what);
  };
  if (!between(grid.x, kMostGrid.x) || !between(grid.y, kMostGrid.y) ||
      !between(grid.z, kMostGrid.z)) {
    return refused(CUDA_ERROR_INVALID_VALUE, "a grid of " + text(grid) + " blocks, expected 1 to " +
                                                 text(kMostGrid));
  }
  if (!between(block.x, kMostBlock.x) || !between(block.y, kMostBlock.y) ||
      !between(block.z, kMostBlock.z)) {
    return refused(CUDA_ERROR_INVALID_VALUE, "blocks of " + text(block) +
                                                 " threads, expected 1 to " + text(kMostBlock));
  }
  const unsigned threads = block.x * block.y * block.z;
  const unsigned bound = function.most_threads();
  const unsigned most = bound ? std::min(bound, kMostThreads) : kMostThreads;
  if (threads > most) {
    return refused(CUDA_ERROR_INVALID_VALUE,
                   "has blocks of " + std::to_string(threads) + " threads, expected at most " +
                       std::to_string(most) + (bound ? " (__launch_bounds__)" : ""));
  }
  const unsigned taken = registers_of_block(function.registers(), threads);
  if (taken > kRegisters) {
    return refused(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES,
                   "needs " + std::to_string(taken) + " registers for a block of " +
                       std::to_string(threads) + " threads with " +
                       std::to_string(function.registers()) + " each, expected at most " +
                       std::to_string(kRegisters));
  }
  const size_t shared = function.static_shared() + dynamic_shared;
  if (shared > shared_limit(function)) {
    return refused(CUDA_ERROR_INVALID_VALUE,
                   "uses " + std::to_string(shared) + " bytes of shared memory, expected at most " +
                       std::to_string(shared_limit(function)));
  }
  return CUDA_SUCCESS;
}

ptx::Region device_region(uint64_t address) {
  // An address just outside belongs to the memory that it is nearest to, so that errors name it.
  constexpr uint64_t kNear = 256;
  for (const uint64_t at : {address, address + kNear, address - kNear}) {
    Allocation* found = allocation_at(at);
    if (found == nullptr || &found->context != running) continue;
    return {reinterpret_cast<uint64_t>(found->data()), found->bytes(), found->data(),
            &found->shadow};
  }
  return {};
}

void launch(Context& context, const Launch& launch) {
  watch_sanitizer();
  sanitizer_report.clear();
  running = &context;
  Failure failure = run(launch);
  running = nullptr;
  if (launch.program == nullptr) {
    // Nobody sees which bytes compiled source writes.
    for (auto& [address, memory] : allocations()) memory->shadow.mark(0, memory->bytes());
  }
  const std::string stray = damage(context);
  if (!failure && !stray.empty()) {
    failure = {CUDA_ERROR_ILLEGAL_ADDRESS, "kernel " + name(launch) + ": " + stray};
  }
  if (!sanitizer_report.empty()) {
    if (!failure) failure = {CUDA_ERROR_ILLEGAL_ADDRESS, "kernel " + name(launch) + ":"};
    failure.text += "\n" + sanitizer_report;
  }
  if (failure) end(context, failure);
}

}  // namespace emulator
