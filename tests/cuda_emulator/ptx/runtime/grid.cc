#include "grid.h"

#include <stdlib.h>

#include <optional>

#include "../../driver/guarded.h"
#include "lanes.h"

namespace emulator::ptx {
namespace {

uint32_t launches = 0, blocks = 0;

// Sets which way approximate results are off; what is wrong with $GRAPHC_PTX_APPROXIMATE, if it is.
std::string set_error_sign() {
  const char* set = getenv("GRAPHC_PTX_APPROXIMATE");
  const std::string name = set ? set : "nearest";
  if (name != "nearest" && name != "above" && name != "below") {
    return "GRAPHC_PTX_APPROXIMATE: expected nearest, above or below, received '" + name + "'";
  }
  error_sign = name == "above" ? 1 : name == "below" ? -1 : 0;
  return "";
}

// Runs the warps of a block from barrier to barrier.
void run_block(Block& block, Order& order) {
  const unsigned count = (block.threads() + kWarp - 1) / kWarp;
  std::vector<std::unique_ptr<Warp>> warps;
  for (unsigned i = 0; i < count; ++i) warps.push_back(std::make_unique<Warp>(block, i * kWarp));
  for (;;) {
    for (unsigned i : order.of(count)) {
      if (warps[i]->state() == Warp::State::running) warps[i]->run();
    }
    const Warp* first = nullptr;
    for (auto& warp : warps) {
      if (warp->state() == Warp::State::done) continue;
      if (first == nullptr) first = warp.get();
      const std::string one = block.line(first->pc()), other = block.line(warp->pc());
      if (one == other) continue;
      throw Fault("block (" + std::to_string(block.index.x) + "," + std::to_string(block.index.y) +
                  "," + std::to_string(block.index.z) + "): divergent barrier: " +
                  block.thread_name(first->first_live_thread()) + " waits at " + one + ", " +
                  block.thread_name(warp->first_live_thread()) + " at " + other);
    }
    if (first == nullptr) return;
    ++block.barriers;
    for (auto& warp : warps) {
      if (warp->state() == Warp::State::at_barrier) warp->pass_barrier();
    }
  }
}

}  // namespace

Failure run(const Grid& grid, Order& order, FindRegion find) {
  const std::string wrong = set_error_sign();
  if (!wrong.empty()) return {CUDA_ERROR_LAUNCH_FAILED, wrong};
  const Kernel& kernel = grid.kernel;
  const uint3 size = grid.threads, many = grid.blocks;
  const size_t shared = kernel.static_shared + grid.dynamic_shared;
  std::optional<Counters> counters;
  if (counting()) counters.emplace(kernel);
  Guarded memory(shared);
  Shadow shadow(shared);
  ++launches;
  try {
    for (unsigned i : order.of(many.x * many.y * many.z)) {
      memory.fill();
      shadow.forget();
      const uint3 index = {i % many.x, i / many.x % many.y, i / many.x / many.y};
      Block block{kernel, grid.parameters, index, many, size, find,
                  {0, shared, memory.data(), &shadow},
                  counters ? &*counters : nullptr, launches, ++blocks, 0};
      run_block(block, order);
    }
  } catch (const Fault& fault) {
    return {fault.code, fault.what()};
  }
  return {};
}

}  // namespace emulator::ptx
