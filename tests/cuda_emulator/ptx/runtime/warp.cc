#include "warp.h"

#include <string.h>

#include <algorithm>
#include <cstdlib>
#include <new>

#include "lanes.h"
#include "operations.h"

namespace emulator::ptx {
namespace {

constexpr size_t kLine = 64;
// What a lane reads of one that is not there: a NaN, as a float32 and as a float64.
constexpr uint32_t kNoValue = 0xFFF1E2D3;

// In the order of encode.py's SHUFFLES, VOTES and ATOMICS.
enum class Shuffle { idx, up, down, bfly };
enum class Vote { ballot, any, all, uni };
enum class Atomic { add, min, max, band, bor, bxor, exch, cas };

uint64_t load_bytes(const char* from, unsigned bytes, bool is_signed) {
  uint64_t value = 0;
  memcpy(&value, from, bytes);
  const unsigned unused = 64 - 8 * bytes;
  return is_signed ? uint64_t(int64_t(value << unused) >> unused) : value;
}

uint64_t register_value(char* file, uint32_t slot, unsigned bytes, unsigned lane) {
  return load_bytes(file + slot + size_t(lane) * bytes, bytes, false);
}
void set_register(char* file, uint32_t slot, unsigned bytes, unsigned lane, uint64_t value) {
  memcpy(file + slot + size_t(lane) * bytes, &value, bytes);
}

template <typename T> T combined(Atomic kind, T old, T value, T other) {
  switch (kind) {
    case Atomic::add: return T(uint64_t(old) + uint64_t(value));
    case Atomic::min: return old < value ? old : value;
    case Atomic::max: return old > value ? old : value;
    case Atomic::band: return old & value;
    case Atomic::bor: return old | value;
    case Atomic::bxor: return old ^ value;
    case Atomic::exch: return value;
    default: return old == value ? other : old;
  }
}

template <typename F> void each_lane(uint32_t mask, F f) {
  for (; mask != 0; mask &= mask - 1) f(unsigned(__builtin_ctz(mask)));
}

std::string text(const uint3& at) {
  return "(" + std::to_string(at.x) + "," + std::to_string(at.y) + "," + std::to_string(at.z) + ")";
}

}  // namespace

std::string Block::thread_name(unsigned thread) const {
  return "thread " + text({thread % size.x, thread / size.x % size.y, thread / size.x / size.y});
}

std::string Block::line(uint32_t pc) const {
  const Instruction& it = kernel.code[pc];
  return kernel.forms[it.form] + " in " + (*kernel.locations)[it.location];
}

void Warp::Aligned::operator()(char* memory) const { free(memory); }

Warp::Warp(Block& block, unsigned first_thread) : block_(block), first_thread_(first_thread) {
  const unsigned count = block.threads() - first_thread;
  existing_ = live_ = count >= kWarp ? kAll : (1u << count) - 1;
  const size_t bytes = (block.kernel.file_bytes / kLine + 1) * kLine;
  file_.reset(static_cast<char*>(aligned_alloc(kLine, bytes)));
  if (!file_) throw std::bad_alloc();
  // A register that nobody has written is a NaN.
  for (size_t i = 0; i < bytes; i += 4) memcpy(file() + i, &kNoValue, 4);
  carry_of(file()) = 0;
  local_.resize(size_t(block.kernel.local_bytes) * kWarp);
  local_written_.resize(local_.size());
  set_constants();
  paths_.push_back({0, uint32_t(block.kernel.code.size()), live_});
}

void Warp::set_constants() {
  for (const Constant& constant : block_.kernel.constants) {
    for (unsigned lane = 0; lane < kWarp; ++lane) {
      set_register(file(), constant.slot, constant.bytes, lane, constant.value);
    }
  }
  const uint3 size = block_.size, grid = block_.grid, index = block_.index;
  for (const Special& special : block_.kernel.specials) {
    for (unsigned lane = 0; lane < kWarp; ++lane) {
      const unsigned t = first_thread_ + lane;
      // In the order of encode.py's SPECIALS.
      const uint32_t values[] = {t % size.x, t / size.x % size.y, t / size.x / size.y,
                                 size.x, size.y, size.z, index.x, index.y, index.z,
                                 grid.x, grid.y, grid.z, lane};
      set_register(file(), special.slot, 4, lane, values[special.which]);
    }
  }
}

void Warp::run() {
  const std::vector<Instruction>& code = block_.kernel.code;
  state_ = State::running;
  while (state_ == State::running) {
    Path& path = paths_.back();
    path.mask &= live_;
    if (path.mask == 0 || path.pc == path.meeting) {
      // The path of all lanes ends with the code, which they leave by an instruction.
      if (path.mask != 0 && paths_.size() == 1) fail(__builtin_ctz(path.mask), "runs past the end");
      paths_.pop_back();
      if (paths_.empty()) state_ = State::done;
      continue;
    }
    pc_ = path.pc;
    step(code[pc_], pc_);
  }
}

void Warp::step(const Instruction& it, uint32_t pc) {
  Path& path = paths_.back();
  uint32_t mask = path.mask;
  if (it.flags & kHasGuard) {
    const uint32_t guard = mask_at(file(), it.guard);
    mask &= it.flags & kNegatedGuard ? ~guard : guard;
  }
  if (block_.counters) block_.counters->ran(it, mask);
  if (it.operation == op_branch) return branch(it, mask);
  path.pc = pc + 1;
  if (mask == 0 || compute(file(), it, mask)) return;
  switch (it.operation) {
    case op_load: load(it, mask); return count_access(it);
    case op_store: store(it, mask); return count_access(it);
    case op_atomic: atomic(it, mask); return count_access(it);
    case op_load_parameter: return load_parameter(it, mask);
    case op_leave: return leave(mask);
    case op_barrier: return barrier(mask);
    case op_warp_barrier: return warp_barrier(it, mask);
    case op_fence: return;
    case op_shuffle: return shuffle(it, mask);
    case op_vote: return vote(it, mask);
    case op_active_mask:
      each_lane(mask, [&](unsigned lane) { set_register(file(), it.slots[0], 4, lane, mask); });
      return;
    case op_pack: return pack(it, mask);
    case op_unpack: return unpack(it, mask);
    default: fail(__builtin_ctz(mask), "stops");
  }
}

void Warp::branch(const Instruction& it, uint32_t taken) {
  Path& path = paths_.back();
  const uint32_t others = path.mask & ~taken, target = uint32_t(it.immediate);
  if (others == 0 || taken == 0) {
    path.pc = taken != 0 ? target : path.pc + 1;
    return;
  }
  if (block_.counters) block_.counters->parted(it);
  const uint32_t after = path.pc + 1, meeting = it.slots[0];
  path.pc = meeting;
  paths_.push_back({after, meeting, others});
  paths_.push_back({target, meeting, taken});
}

void Warp::leave(uint32_t mask) { live_ &= ~mask; }

void Warp::barrier(uint32_t mask) {
  if (mask != live_) {
    if (resume_others()) return;
    fail(__builtin_ctz(mask), "divergent barrier: " +
         block_.thread_name(first_thread_ + __builtin_ctz(live_ & ~mask)) + " is not there");
  }
  paths_.back().pc = pc_;  // until all warps are there
  state_ = State::at_barrier;
}

// Lanes that meet the others nowhere may leave before a barrier, which then does not wait for them:
// they run first. False where no path of such lanes can go on.
bool Warp::resume_others() {
  const std::vector<Instruction>& code = block_.kernel.code;
  uint32_t above = paths_.back().mask;
  for (size_t i = paths_.size() - 1; i-- != 0; above |= paths_[i].mask) {
    Path& other = paths_[i];
    other.mask &= live_;
    const bool joins = (other.mask & above) != 0 || other.meeting != code.size();
    if (other.mask == 0 || joins || code[other.pc].operation == op_barrier) continue;
    paths_.back().pc = pc_;  // the barrier again
    std::rotate(paths_.begin() + i, paths_.begin() + i + 1, paths_.end());
    return true;
  }
  return false;
}

void Warp::pass_barrier() {
  ++paths_.back().pc;
  warp_barriers_ = 0;
  state_ = State::running;
}

// All lanes that an exchange names have to be there, or have left.
void Warp::check_members(const char* what, uint32_t members, unsigned lane, uint32_t mask) {
  if (!(members >> lane & 1)) {
    fail(lane, std::string(what) + " with a mask that lacks its own lane");
  }
  const uint32_t missing = members & live_ & ~mask;
  if (missing != 0) {
    fail(lane, std::string(what) + " without all lanes of its mask: " +
                   block_.thread_name(first_thread_ + __builtin_ctz(missing)) + " is not there");
  }
}

void Warp::warp_barrier(const Instruction& it, uint32_t mask) {
  uint32_t members = 0;
  each_lane(mask, [&](unsigned lane) {
    members = uint32_t(register_value(file(), it.slots[0], 4, lane));
    check_members("__syncwarp", members, lane, mask);
  });
  // One of fewer lanes orders less than what is kept, which then reports too much, not too little.
  if ((members & live_) == live_) ++warp_barriers_;
}

// ---- memory ----------------------------------------------------------------------------------

void Warp::fail(unsigned lane, const std::string& what, CUresult code) const {
  throw Fault("block " + text(block_.index) + ", " + block_.thread_name(first_thread_ + lane) +
              ": " + what + ", at " + block_.line(pc_), code);
}

uint64_t Warp::address(const Instruction& it, unsigned lane) {
  const unsigned bytes = it.kind >> 8;
  const uint64_t base = bytes ? register_value(file(), it.slots[4], bytes, lane) : 0;
  const uint64_t sum = base + uint64_t(it.immediate);
  return bytes == 4 ? uint32_t(sum) : sum;
}

Access Warp::access(unsigned lane) const {
  const bool shared = Space(block_.kernel.code[pc_].kind & 3) == Space::shared;
  return {shared ? block_.run : block_.launch, block_.number(), block_.barriers, pc_,
          uint16_t(first_thread_ + lane), warp_barriers_};
}

std::string Warp::conflict_text(const Conflict& conflict, Use use) const {
  const Access& other = conflict.earlier;
  const uint3 grid = block_.grid;
  const uint3 index = {other.block % grid.x, other.block / grid.x % grid.y,
                       other.block / grid.x / grid.y};
  const std::string where = block_.thread_name(other.thread) + " of block " + text(index) +
                            ", at " + block_.line(other.pc) + ", ";
  if (conflict.read_only && use == Use::read) {
    return "reads as read-only (ld.global.nc) what this launch writes: " + where + "wrote it";
  }
  if (conflict.read_only) {
    return "writes what this launch reads as read-only (ld.global.nc): " + where + "read it";
  }
  return std::string("race: it ") + (use == Use::read ? "reads" : "writes") + " what " + where +
         (conflict.earlier_writes ? "wrote" : "read") + ", and no barrier is between";
}

char* Warp::touch(const Instruction& it, unsigned lane, Use use) {
  const uint64_t at = address(it, lane);
  if (block_.counters) touched_.push_back(at);
  const size_t bytes = size_t(it.bytes) * it.count;
  const Space space = Space(it.kind & 3);
  const char* verb = use == Use::read ? "load" : "store";
  if (at % bytes != 0) {
    fail(lane, "misaligned " + std::string(verb) + " of " + std::to_string(bytes) +
                   " bytes at an address that is " + std::to_string(at % bytes) +
                   " past a multiple", CUDA_ERROR_MISALIGNED_ADDRESS);
  }
  // Names the first byte that is outside.
  const auto outside = [&](const std::string& where, uint64_t start, size_t size) {
    const int64_t before = int64_t(start - at), after = int64_t(at - start - size);
    const std::string beside = before > 0 ? std::to_string(before) + " before its "
                                          : std::to_string(after > 0 ? after : 0) + " after its ";
    fail(lane, std::string(verb) + " of " + std::to_string(bytes) + " bytes outside of " + where +
                   ": byte " + beside + std::to_string(size) + " bytes",
         CUDA_ERROR_ILLEGAL_ADDRESS);
  };
  if (space == Space::local) {
    const size_t size = block_.kernel.local_bytes;
    if (at > size || bytes > size - at) outside("local memory", 0, size);
    char* written = &local_written_[lane * size + at];
    if (use == Use::read && memchr(written, 0, bytes)) {
      fail(lane, "load of local memory that it has not written");
    }
    memset(written, 1, bytes);
    return &local_[lane * size + at];
  }
  Region region = block_.shared;
  if (space == Space::global) {
    if (at - last_.start >= last_.bytes) last_ = block_.find(at);
    region = last_;
    if (region.bytes == 0) {
      char address[32];
      snprintf(address, sizeof address, "0x%llx", static_cast<unsigned long long>(at));
      fail(lane, std::string(verb) + " at " + address + ", which is no device memory",
           CUDA_ERROR_ILLEGAL_ADDRESS);
    }
  }
  const size_t offset = at - region.start;
  if (offset > region.bytes || bytes > region.bytes - offset) {
    outside(space == Space::shared ? "shared memory" : "device memory", region.start, region.bytes);
  }
  const Access now = access(lane);
  Conflict conflict;
  bool conflicts;
  if (use == Use::write) {
    conflicts = region.shadow->writes(offset, bytes, now, false, &conflict);
  } else {
    // nvcc makes one load of four of three neighbours, so that some of a vector may be unwritten:
    // they are NaN, which shows where one is used.
    bool written = false;
    for (unsigned k = 0; k < it.count; ++k) {
      written |= region.shadow->written(offset + k * it.bytes, it.bytes);
    }
    if (!written) {
      fail(lane, std::string("load of ") + (space == Space::shared ? "shared" : "device") +
                     " memory that nobody has written, byte " + std::to_string(offset) + " of " +
                     std::to_string(region.bytes));
    }
    conflicts = use == Use::atomic
                    ? region.shadow->writes(offset, bytes, now, true, &conflict)
                    : region.shadow->reads(offset, bytes, now, it.flags & kReadOnly, &conflict);
  }
  if (conflicts) fail(lane, conflict_text(conflict, use));
  return region.data + offset;
}

void Warp::count_access(const Instruction& it) {
  if (block_.counters == nullptr) return;
  block_.counters->touched(it, touched_);
  touched_.clear();
}

void Warp::load(const Instruction& it, uint32_t mask) {
  each_lane(mask, [&](unsigned lane) {
    // The whole is read before a register is written, which may hold the address.
    const char* from = touch(it, lane, Use::read);
    for (unsigned k = 0; k < it.count; ++k) {
      const uint64_t value = load_bytes(from + k * it.bytes, it.bytes, it.flags & kSigned);
      set_register(file(), it.slots[k], it.width, lane, value);
    }
  });
}

void Warp::store(const Instruction& it, uint32_t mask) {
  each_lane(mask, [&](unsigned lane) {
    char* to = touch(it, lane, Use::write);
    for (unsigned k = 0; k < it.count; ++k) {
      const uint64_t value = register_value(file(), it.slots[k], it.width, lane);
      memcpy(to + k * it.bytes, &value, it.bytes);
    }
  });
}

void Warp::atomic(const Instruction& it, uint32_t mask) {
  const auto kind = Atomic(it.kind >> 4 & 15);
  each_lane(mask, [&](unsigned lane) {
    char* at = touch(it, lane, Use::atomic);
    const uint64_t old = load_bytes(at, it.bytes, it.flags & kSigned);
    const uint64_t value = register_value(file(), it.slots[1], it.bytes, lane);
    const uint64_t other =
        it.slots[2] == kNone ? 0 : register_value(file(), it.slots[2], it.bytes, lane);
    uint64_t made;
    if (it.bytes == 4) {
      made = it.flags & kSigned
                 ? uint32_t(combined(kind, int32_t(old), int32_t(value), int32_t(other)))
                 : combined(kind, uint32_t(old), uint32_t(value), uint32_t(other));
    } else {
      made = it.flags & kSigned
                 ? uint64_t(combined(kind, int64_t(old), int64_t(value), int64_t(other)))
                 : combined(kind, old, value, other);
    }
    memcpy(at, &made, it.bytes);
    if (it.slots[0] != kNone) set_register(file(), it.slots[0], it.bytes, lane, old);
  });
}

void Warp::load_parameter(const Instruction& it, uint32_t mask) {
  const size_t bytes = size_t(it.bytes) * it.count, end = block_.kernel.parameters.bytes;
  if (it.immediate < 0 || size_t(it.immediate) + bytes > end) {
    fail(__builtin_ctz(mask), "load outside of the kernel's " + std::to_string(end) +
                                  " bytes of parameters");
  }
  each_lane(mask, [&](unsigned lane) {
    for (unsigned k = 0; k < it.count; ++k) {
      const char* from = block_.parameters + it.immediate + k * it.bytes;
      const uint64_t value = load_bytes(from, it.bytes, it.flags & kSigned);
      set_register(file(), it.slots[k], it.width, lane, value);
    }
  });
}

// ---- what lanes tell each other --------------------------------------------------------------

void Warp::shuffle(const Instruction& it, uint32_t mask) {
  const auto kind = Shuffle(it.kind);
  uint32_t values[kWarp];
  memcpy(values, file() + it.slots[2], sizeof values);
  uint32_t inside = 0;
  each_lane(mask, [&](unsigned lane) {
    const uint32_t members = uint32_t(register_value(file(), it.slots[5], 4, lane));
    check_members("shuffle", members, lane, mask);
    const uint32_t b = uint32_t(register_value(file(), it.slots[3], 4, lane)) & 31;
    const uint32_t c = uint32_t(register_value(file(), it.slots[4], 4, lane));
    const uint32_t clamp = c & 31, segment = c >> 8 & 31;
    const int last = int((lane & segment) | (clamp & ~segment)), first = int(lane & segment);
    int source = 0;
    bool in = false;
    switch (kind) {
      case Shuffle::up: source = int(lane) - int(b); in = source >= last; break;
      case Shuffle::down: source = int(lane + b); in = source <= last; break;
      case Shuffle::bfly: source = int(lane ^ b); in = source <= last; break;
      case Shuffle::idx: source = first | int(b & ~segment); in = source <= last; break;
    }
    if (!in) source = int(lane);
    if (existing_ & ~mask & 1u << source) {
      const char* why = members >> source & 1 ? "has left" : "is not in the mask";
      fail(lane, "shuffle from " + block_.thread_name(first_thread_ + source) + ", which " + why);
    }
    inside |= uint32_t(in) << lane;
    const uint32_t value = mask >> source & 1 ? values[source] : kNoValue;
    set_register(file(), it.slots[0], 4, lane, value);
  });
  if (it.slots[1] != kNone) {
    uint32_t& word = mask_at(file(), it.slots[1]);
    word = (word & ~mask) | inside;
  }
}

void Warp::vote(const Instruction& it, uint32_t mask) {
  const uint32_t votes = mask_at(file(), it.slots[1]);
  uint32_t truths = 0;
  each_lane(mask, [&](unsigned lane) {
    const uint32_t members = uint32_t(register_value(file(), it.slots[2], 4, lane));
    check_members("vote", members, lane, mask);
    const uint32_t asked = members & mask, yes = votes & asked;
    switch (Vote(it.kind)) {
      case Vote::ballot: set_register(file(), it.slots[0], 4, lane, yes); break;
      case Vote::any: truths |= uint32_t(yes != 0) << lane; break;
      case Vote::all: truths |= uint32_t(yes == asked) << lane; break;
      case Vote::uni: truths |= uint32_t(yes == asked || yes == 0) << lane; break;
    }
  });
  if (Vote(it.kind) == Vote::ballot) return;
  uint32_t& word = mask_at(file(), it.slots[0]);
  word = (word & ~mask) | truths;
}

// mov between a register and several of parts of it, the lowest bits first.
void Warp::pack(const Instruction& it, uint32_t mask) {
  each_lane(mask, [&](unsigned lane) {
    uint64_t whole = 0;
    for (unsigned k = 0; k < it.count; ++k) {
      whole |= register_value(file(), it.slots[1 + k], it.bytes, lane) << (8 * it.bytes * k);
    }
    set_register(file(), it.slots[0], it.width, lane, whole);
  });
}
void Warp::unpack(const Instruction& it, uint32_t mask) {
  each_lane(mask, [&](unsigned lane) {
    const uint64_t whole = register_value(file(), it.slots[0], it.width, lane);
    for (unsigned k = 0; k < it.count; ++k) {
      set_register(file(), it.slots[1 + k], it.bytes, lane, whole >> (8 * it.bytes * k));
    }
  });
}

}  // namespace emulator::ptx
