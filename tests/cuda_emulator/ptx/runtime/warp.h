// A warp: 32 lanes that run one instruction at a time, each lane with its values in the warp's
// register file.
#ifndef EMULATOR_PTX_WARP_H
#define EMULATOR_PTX_WARP_H

#include <cuda.h>
#include <stdint.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "counters.h"
#include "image.h"
#include "shadow.h"

namespace emulator::ptx {

// What ends a launch: a message that names the lane and the lines.
struct Fault : std::runtime_error {
  explicit Fault(const std::string& text, CUresult code = CUDA_ERROR_LAUNCH_FAILED)
      : std::runtime_error(text), code(code) {}
  CUresult code;
};

// A piece of memory that lanes may touch, with who did.
struct Region {
  uint64_t start;
  size_t bytes;
  char* data;
  Shadow* shadow;
};

// The allocation of device memory that an address lies in; its bytes are 0 where there is none.
using FindRegion = Region (*)(uint64_t address);

// What the warps of a block have in common.
struct Block {
  const Kernel& kernel;
  const char* parameters;
  uint3 index, grid, size;
  FindRegion find;
  Region shared;
  Counters* counters;       // or null
  uint32_t launch = 0;      // numbers this launch
  uint32_t run = 0;         // numbers this block, over all launches
  uint32_t barriers = 0;

  uint32_t number() const { return (index.z * grid.y + index.y) * grid.x + index.x; }
  unsigned threads() const { return size.x * size.y * size.z; }
  std::string thread_name(unsigned thread) const;
  std::string line(uint32_t pc) const;
};

class Warp {
 public:
  enum class State { running, at_barrier, done };

  Warp(Block& block, unsigned first_thread);

  // Until the block's barrier, or the end. Throws Fault.
  void run();
  State state() const { return state_; }
  uint32_t pc() const { return paths_.back().pc; }  // of the barrier where it waits
  unsigned first_live_thread() const { return first_thread_ + __builtin_ctz(live_); }
  void pass_barrier();

 private:
  // Lanes that are on the same way; at `meeting` they go on with those of the path below.
  struct Path { uint32_t pc, meeting, mask; };

  char* file() { return file_.get(); }
  void set_constants();
  void step(const Instruction& it, uint32_t pc);
  void branch(const Instruction& it, uint32_t mask);
  void leave(uint32_t mask);
  bool resume_others();
  void barrier(uint32_t mask);
  void warp_barrier(const Instruction& it, uint32_t mask);
  void count_access(const Instruction& it);
  void load(const Instruction& it, uint32_t mask);
  void store(const Instruction& it, uint32_t mask);
  void atomic(const Instruction& it, uint32_t mask);
  void load_parameter(const Instruction& it, uint32_t mask);
  void shuffle(const Instruction& it, uint32_t mask);
  void vote(const Instruction& it, uint32_t mask);
  void pack(const Instruction& it, uint32_t mask);
  void unpack(const Instruction& it, uint32_t mask);

  uint64_t address(const Instruction& it, unsigned lane);
  // The bytes of an access, after all checks.
  enum class Use { read, write, atomic };
  char* touch(const Instruction& it, unsigned lane, Use use);
  void check_members(const char* what, uint32_t members, unsigned lane, uint32_t mask);
  [[noreturn]] void fail(unsigned lane, const std::string& what,
                         CUresult code = CUDA_ERROR_LAUNCH_FAILED) const;
  std::string conflict_text(const Conflict& conflict, Use use) const;
  Access access(unsigned lane) const;

  struct Aligned { void operator()(char* memory) const; };

  Block& block_;
  const unsigned first_thread_;
  State state_ = State::running;
  std::vector<uint64_t> touched_;  // addresses of the access that runs, while they are counted
  uint32_t existing_, live_;  // lanes that have a thread, and that have not left
  uint32_t pc_ = 0;  // of the instruction that runs
  uint16_t warp_barriers_ = 0;
  std::vector<Path> paths_;
  std::unique_ptr<char, Aligned> file_;
  std::vector<char> local_, local_written_;  // a lane's memory behind the other's
  Region last_{};  // where the last access was
};

}  // namespace emulator::ptx
#endif
