// Who wrote and who read each word of a region of memory, and which bytes anybody has written.
#ifndef EMULATOR_PTX_SHADOW_H
#define EMULATOR_PTX_SHADOW_H

#include <stddef.h>
#include <stdint.h>

#include <memory>
#include <vector>

namespace emulator::ptx {

// One access, as what orders it sees it: by the block's barriers, and the warp's.
struct Access {
  uint32_t run;          // of the launch, or of the block in shared memory; 0 is never
  uint32_t block;
  uint32_t epoch;        // barriers of the block before it
  uint32_t pc;
  uint16_t thread;
  uint16_t warp_epoch;   // bar.warp.sync of the warp since the block's last barrier
};

// Accesses of a word since the launch began: the last one, and whether there were others like it,
// by another lane of its warp, another warp of its block in its epoch, or another block.
struct Accesses {
  Access last;
  bool many_lanes, many_warps, many_blocks;

  void add(const Access& now);
  bool race_with(const Access& now) const;  // nothing orders one of them before this one
};

// Two accesses that nothing orders, one of which writes; or a load through the read-only cache of
// what the same launch writes.
struct Conflict {
  Access earlier;
  bool earlier_writes, read_only;
};

class Shadow {
 public:
  // Pages are not touched before they are used.
  explicit Shadow(size_t bytes) : bytes_(bytes) {}
  Shadow(const Shadow&) = delete;
  Shadow& operator=(const Shadow&) = delete;

  void mark(size_t offset, size_t bytes);      // as written
  void mark_as(size_t offset, const Shadow& source, size_t from, size_t bytes);
  void forget();                               // nothing is written
  bool written(size_t offset, size_t bytes) const;

  // Record an access; true if it conflicts with an earlier one, which is then in `conflict`.
  bool reads(size_t offset, size_t bytes, const Access& now, bool read_only, Conflict* conflict);
  bool writes(size_t offset, size_t bytes, const Access& now, bool atomic, Conflict* conflict);

 private:
  // The last plain write, which all before it are ordered with; atomic operations, which are not
  // among themselves; and reads.
  struct Cell {
    Access write;
    Accesses atomics, reads;
    bool read_only;
  };
  struct Free { void operator()(void* memory) const; };
  template <typename T> using Array = std::unique_ptr<T[], Free>;

  // Cells are of 4 bytes until an access is of fewer; then of one.
  void prepare(size_t bytes);
  template <typename F> bool each(size_t offset, size_t bytes, F check);

  size_t bytes_;
  unsigned shift_ = 2;
  Array<uint8_t> written_;
  Array<Cell> cells_;
};

}  // namespace emulator::ptx
#endif
