#include "block.h"

#include <stdio.h>
#include <string.h>

#include <map>
#include <memory>

#include "../ptx/runtime/grid.h"
#include "fibre.h"
#include "guarded.h"
#include "launch.h"
#include "order.h"
#include "trap.h"

namespace emulator {
namespace {

constexpr unsigned kWarp = 32;

enum class State { running, at_barrier, at_exchange, done };

struct Thread {
  emu_position position;
  Fibre fibre;
  State state;
  // Where it waits.
  const char* what;
  const char* file;
  int line;
  unsigned mask;
  unsigned long long value;
  unsigned long long values[kWarp];  // of its warp, when the exchange has opened
};

std::string text(const uint3& at) {
  return "(" + std::to_string(at.x) + "," + std::to_string(at.y) + "," + std::to_string(at.z) + ")";
}

std::string waits(const Thread& thread) {
  return "thread " + text(thread.position.thread) + " waits at " + thread.what + " in " +
         thread.file + ":" + std::to_string(thread.line);
}

bool same_line(const Thread& a, const Thread& b) {
  return a.line == b.line && strcmp(a.what, b.what) == 0 && strcmp(a.file, b.file) == 0;
}

// A lane that has no thread or has left gives this: a NaN, as a float and as a double.
constexpr unsigned long long kNoValue = 0xFFF1E2D3FFF1E2D3ull;

class Block {
 public:
  explicit Block(const Launch& launch)
      : launch_(launch), count_(launch.block.x * launch.block.y * launch.block.z) {
    while (threads.size() < count_) threads.push_back(std::make_unique<Thread>());
    if (launch.dynamic_shared) dynamic_ = std::make_unique<Guarded>(launch.dynamic_shared);
    running = this;
  }
  ~Block() {
    for (auto& [slot, memory] : shared_) slot->data = nullptr;
    running = nullptr;
  }

  Failure run(uint3 index, Order& order) {
    start(index);
    for (unsigned live = count_; live != 0;) {
      for (unsigned i : order.of(count_)) {
        if (threads[i]->state == State::running) resume(*threads[i]);
        if (failure_) return failure_;
      }
      live = 0;
      for (unsigned i = 0; i < count_; ++i) live += threads[i]->state != State::done;
      const bool exchanged = open_exchanges();
      const bool opened = open_barrier();
      if (live != 0 && !exchanged && !opened) return failed(stuck());
    }
    return failed(shared_damage());
  }

  void barrier(const char* file, int line) {
    current_->mask = 0;
    wait(State::at_barrier, "__syncthreads", file, line);
  }

  const unsigned long long* exchange(const char* what, unsigned mask, unsigned long long value,
                                     const char* file, int line) {
    Thread& self = *current_;
    self.mask = mask;
    self.value = value;
    if (!(mask >> lane(self) & 1)) {
      fail("thread " + text(self.position.thread) + " calls " + what + " in " + file + ":" +
           std::to_string(line) + " with a mask that lacks its own lane");
    }
    wait(State::at_exchange, what, file, line);
    return self.values;
  }

  void bind(emu_slot* slot) {
    auto memory = std::make_unique<Guarded>(slot->bytes);
    slot->data = memory->data();
    shared_[slot] = std::move(memory);
    size_t total = launch_.dynamic_shared;
    for (auto& [other, _] : shared_) total += other->bytes;
    if (total > launch_.most_shared) {
      fail("kernel " + std::string(launch_.kernel->name) + " uses " + std::to_string(total) +
           " bytes of shared memory, expected at most " + std::to_string(launch_.most_shared));
    }
  }

  void* dynamic() {
    if (!dynamic_) dynamic_ = std::make_unique<Guarded>(0);
    return dynamic_->data();
  }

  // Device code touched memory that is not there.
  void trapped(const void* address) {
    const Thread& self = *current_;
    char where[32];
    snprintf(where, sizeof where, "%p", address);
    const bool stack = self.fibre.in_guard_page(address);
    fail("thread " + text(self.position.thread) + " of block " + text(self.position.block) +
             (stack ? " has used up its stack, at " : " touched memory that is not mapped, at ") +
             where,
         stack ? CUDA_ERROR_HARDWARE_STACK_ERROR : CUDA_ERROR_ILLEGAL_ADDRESS);
  }

  static Block* running;

 private:
  void start(uint3 index) {
    for (auto& [slot, memory] : shared_) memory->fill();
    if (dynamic_) dynamic_->fill();
    for (unsigned i = 0; i < count_; ++i) {
      Thread& thread = *threads[i];
      const uint3 size = launch_.block;
      thread.position = {{i % size.x, i / size.x % size.y, i / size.x / size.y},
                         index, size, launch_.grid};
      thread.state = State::running;
      thread.fibre.start([](void* self) { static_cast<Block*>(self)->thread_main(); }, this);
    }
  }

  void thread_main() {
    launch_.kernel->enter(launch_.parameters.data());
    current_->state = State::done;
    current_->fibre.leave();
  }

  void resume(Thread& thread) {
    current_ = &thread;
    *launch_.module->self = &thread.position;
    thread.fibre.resume();
  }

  void wait(State state, const char* what, const char* file, int line) {
    Thread& self = *current_;
    self.state = state;
    self.what = what;
    self.file = file;
    self.line = line;
    self.fibre.pause();
  }

  // The block is given up: the fibres are dropped as they are.
  void fail(const std::string& message, CUresult code = CUDA_ERROR_LAUNCH_FAILED) {
    failure_ = {code, message};
    current_->fibre.pause();
  }

  static Failure failed(const std::string& message) {
    return message.empty() ? Failure() : Failure{CUDA_ERROR_LAUNCH_FAILED, message};
  }

  unsigned index(const Thread& thread) const {
    const uint3 at = thread.position.thread, size = launch_.block;
    return (at.z * size.y + at.y) * size.x + at.x;
  }
  unsigned lane(const Thread& thread) const { return index(thread) % kWarp; }

  bool open_exchanges() {
    bool opened = false;
    for (unsigned i = 0; i < count_; ++i) {
      if (threads[i]->state == State::at_exchange) opened |= open_exchange(i);
    }
    return opened;
  }

  // Opens when the lanes of its mask that live are at the same line with the same mask.
  bool open_exchange(unsigned at) {
    const Thread& first = *threads[at];
    const unsigned base = at - at % kWarp;
    unsigned long long values[kWarp];
    for (unsigned k = 0; k < kWarp; ++k) {
      values[k] = kNoValue;
      if (!(first.mask >> k & 1) || base + k >= count_) continue;
      const Thread& other = *threads[base + k];
      if (other.state == State::done) continue;
      if (other.state != State::at_exchange || other.mask != first.mask) return false;
      if (!same_line(first, other)) return false;
      values[k] = other.value;
    }
    const unsigned mask = first.mask;
    for (unsigned k = 0; k < kWarp && base + k < count_; ++k) {
      Thread& other = *threads[base + k];
      if (!(mask >> k & 1) || other.state == State::done) continue;
      memcpy(other.values, values, sizeof values);
      other.state = State::running;
    }
    return true;
  }

  // Opens when every thread that lives is at the same line.
  bool open_barrier() {
    const Thread* first = nullptr;
    for (unsigned i = 0; i < count_; ++i) {
      const Thread& thread = *threads[i];
      if (thread.state == State::done) continue;
      if (thread.state != State::at_barrier) return false;
      if (first == nullptr) first = &thread;
      if (!same_line(*first, thread)) return false;
    }
    if (first == nullptr) return false;
    for (unsigned i = 0; i < count_; ++i) {
      if (threads[i]->state == State::at_barrier) threads[i]->state = State::running;
    }
    return true;
  }

  // Names two threads that wait for each other.
  std::string stuck() const {
    const Thread* first = nullptr;
    for (unsigned i = 0; i < count_; ++i) {
      const Thread& thread = *threads[i];
      if (thread.state == State::done) continue;
      if (first == nullptr) {
        first = &thread;
      } else if (!same_line(*first, thread) || first->mask != thread.mask) {
        return "divergent barrier in block " + text(first->position.block) + ": " +
               waits(*first) + ", " + waits(thread);
      }
    }
    return "no thread of block " + text(first->position.block) + " can go on: " + waits(*first);
  }

  std::string shared_damage() {
    for (auto& [slot, memory] : shared_) {
      const std::string damage = memory->damage();
      if (damage.empty()) continue;
      return "store outside of __shared__ " + std::string(slot->name) + " of " + slot->file + ":" +
             std::to_string(slot->line) + ": " + damage;
    }
    const std::string damage = dynamic_ ? dynamic_->damage() : "";
    return damage.empty() ? "" : "store outside of the dynamic shared memory: " + damage;
  }

  // Kept from launch to launch, with their stacks.
  static std::vector<std::unique_ptr<Thread>> threads;

  const Launch& launch_;
  const unsigned count_;
  Thread* current_ = nullptr;
  Failure failure_;
  std::map<emu_slot*, std::unique_ptr<Guarded>> shared_;
  std::unique_ptr<Guarded> dynamic_;
};

Block* Block::running = nullptr;
std::vector<std::unique_ptr<Thread>> Block::threads;

}  // namespace

const emu_driver kDriver = {
    [](const char* file, int line) { Block::running->barrier(file, line); },
    [](const char* what, unsigned mask, unsigned long long value, const char* file, int line) {
      return Block::running->exchange(what, mask, value, file, line);
    },
    [](emu_slot* slot) { Block::running->bind(slot); },
    [] { return Block::running->dynamic(); },
};

Failure run(const Launch& launch) {
  Order order;
  if (!order.error().empty()) return {CUDA_ERROR_LAUNCH_FAILED, order.error()};
  Failure failure;
  if (launch.program) {
    const ptx::Grid grid = {*launch.program, launch.parameters.data(), launch.grid, launch.block,
                            launch.dynamic_shared};
    failure = ptx::run(grid, order, device_region);
  } else {
    *launch.module->driver = &kDriver;
    Block block(launch);
    Trap trap([](const void* address) { Block::running->trapped(address); });
    const uint3 grid = launch.grid;
    for (unsigned i : order.of(grid.x * grid.y * grid.z)) {
      failure = block.run({i % grid.x, i / grid.x % grid.y, i / grid.x / grid.y}, order);
      if (failure) break;
    }
  }
  if (failure) failure.text = "kernel " + name(launch) + ": " + failure.text;
  return failure;
}

}  // namespace emulator
