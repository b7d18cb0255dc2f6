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

bool same_warp(const Access& one, const Access& other) {
  return one.thread / kWarp == other.thread / kWarp;
}

// In one launch, without a barrier of the block, or of the warp that both are in, between; and by
// two threads.
bool races(const Access& earlier, const Access& now) {
  if (earlier.run != now.run) return false;
  if (earlier.block != now.block) return true;
  if (earlier.thread == now.thread || earlier.epoch < now.epoch) return false;
  return !same_warp(earlier, now) || earlier.warp_epoch == now.warp_epoch;
}

}  // namespace

void Accesses::add(const Access& now) {
  if (last.run != now.run) {
    many_lanes = many_warps = many_blocks = false;
  } else if (last.block != now.block) {
    many_blocks = true;
  } else if (last.epoch < now.epoch) {
    many_lanes = many_warps = false;
  } else if (!same_warp(last, now)) {
    many_warps = true;
  } else if (last.warp_epoch < now.warp_epoch) {
    many_lanes = false;
  } else if (last.thread != now.thread) {
    many_lanes = true;
  }
  last = now;
}

bool Accesses::race_with(const Access& now) const {
  if (last.run != now.run) return false;
  if (many_blocks || races(last, now)) return true;
  if (last.epoch < now.epoch) return false;
  return many_warps || (many_lanes && last.warp_epoch == now.warp_epoch);
}

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
    if (races(cell.write, now) || (read_only && cell.write.run == now.run)) {
      *conflict = {cell.write, true, read_only};
      return true;
    }
    if (cell.atomics.race_with(now) || (read_only && cell.atomics.last.run == now.run)) {
      *conflict = {cell.atomics.last, true, read_only};
      return true;
    }
    cell.read_only = read_only || (cell.read_only && cell.reads.last.run == now.run);
    cell.reads.add(now);
    return false;
  });
}

bool Shadow::writes(size_t offset, size_t bytes, const Access& now, bool atomic,
                    Conflict* conflict) {
  mark(offset, bytes);
  return each(offset, bytes, [&](Cell& cell) {
    if (races(cell.write, now)) {
      *conflict = {cell.write, true, false};
      return true;
    }
    if (!atomic && cell.atomics.race_with(now)) {
      *conflict = {cell.atomics.last, true, false};
      return true;
    }
    const bool read_only = cell.read_only && cell.reads.last.run == now.run;
    if (read_only || cell.reads.race_with(now)) {
      *conflict = {cell.reads.last, false, read_only};
      return true;
    }
    if (atomic) {
      cell.atomics.add(now);
    } else {
      cell.write = now;
    }
    return false;
  });
}

}  // namespace emulator::ptx
