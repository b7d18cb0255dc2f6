#include "shadow.h"

#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <new>

namespace emulator::ptx {
namespace {

constexpr unsigned kWarp = 32;

// calloc gives large memory as pages that cost nothing before they are used.
template <typename T> T* zeroed(size_t count) {
  void* memory = calloc(std::max<size_t>(count, 1), sizeof(T));
  if (memory == nullptr) throw std::bad_alloc();
  return static_cast<T*>(memory);
}

// A barrier of the block, or of the warp that both are in, comes between; or it is one thread.
bool ordered(const Access& earlier, const Access& now) {
  if (earlier.block != now.block) return false;
  if (earlier.thread == now.thread || earlier.epoch < now.epoch) return true;
  return earlier.thread / kWarp == now.thread / kWarp && earlier.warp_epoch < now.warp_epoch;
}

}  // namespace

void Shadow::Free::operator()(void* memory) const { free(memory); }

void Shadow::mark(size_t offset, size_t bytes) {
  if (!written_) written_.reset(zeroed<uint8_t>(bytes_));
  memset(&written_[offset], 1, bytes);
}

void Shadow::mark_as(size_t offset, const Shadow& source, size_t from, size_t bytes) {
  if (!written_) written_.reset(zeroed<uint8_t>(bytes_));
  if (source.written_) {
    memmove(&written_[offset], &source.written_[from], bytes);
  } else {
    memset(&written_[offset], 0, bytes);
  }
}

void Shadow::forget() {
  if (written_) memset(written_.get(), 0, bytes_);
}

bool Shadow::written(size_t offset, size_t bytes) const {
  if (!written_) return false;
  uint8_t all = 1;
  for (size_t i = 0; i < bytes; ++i) all &= written_[offset + i];
  return all;
}

void Shadow::prepare(size_t bytes) {
  if (!cells_) cells_.reset(zeroed<Cell>((bytes_ >> shift_) + 1));
  if (shift_ == 0 || bytes % 4 == 0) return;
  Array<Cell> finer(zeroed<Cell>(bytes_ + 1));
  for (size_t i = 0; i < bytes_; ++i) finer[i] = cells_[i >> shift_];
  cells_ = std::move(finer);
  shift_ = 0;
}

template <typename F> bool Shadow::each(size_t offset, size_t bytes, F check) {
  prepare(bytes);
  const size_t last = (offset + bytes - 1) >> shift_;
  for (size_t i = offset >> shift_; i <= last; ++i) {
    if (check(cells_[i])) return true;
  }
  return false;
}

bool Shadow::reads(size_t offset, size_t bytes, const Access& now, bool read_only,
                   Conflict* conflict) {
  return each(offset, bytes, [&](Cell& cell) {
    if (cell.write.run == now.run && (read_only || !ordered(cell.write, now))) {
      *conflict = {cell.write, true, read_only};
      return true;
    }
    if (cell.read.run != now.run) {
      cell.many_lanes = cell.many_warps = cell.many_blocks = cell.read_only = false;
    } else if (cell.read.block != now.block) {
      cell.many_blocks = true;
    } else if (cell.read.epoch < now.epoch) {
      cell.many_lanes = cell.many_warps = false;
    } else if (cell.read.thread / kWarp != now.thread / kWarp) {
      cell.many_warps = true;
    } else if (cell.read.warp_epoch < now.warp_epoch) {
      cell.many_lanes = false;
    } else if (cell.read.thread != now.thread) {
      cell.many_lanes = true;
    }
    cell.read = now;
    cell.read_only |= read_only;
    return false;
  });
}

bool Shadow::writes(size_t offset, size_t bytes, const Access& now, bool atomic,
                    Conflict* conflict) {
  mark(offset, bytes);
  return each(offset, bytes, [&](Cell& cell) {
    if (cell.write.run == now.run && !(atomic && cell.atomic) && !ordered(cell.write, now)) {
      *conflict = {cell.write, true, false};
      return true;
    }
    if (cell.read.run == now.run) {
      bool races = cell.read_only || cell.many_blocks || cell.read.block != now.block;
      if (!races && cell.read.epoch == now.epoch) {
        const bool same_warp = cell.read.thread / kWarp == now.thread / kWarp;
        const bool earlier = same_warp && cell.read.warp_epoch < now.warp_epoch;
        races = cell.many_warps || !same_warp ||
                (!earlier && (cell.many_lanes || cell.read.thread != now.thread));
      }
      if (races) {
        *conflict = {cell.read, false, cell.read_only};
        return true;
      }
    }
    cell.write = now;
    cell.atomic = atomic;
    return false;
  });
}

}  // namespace emulator::ptx
