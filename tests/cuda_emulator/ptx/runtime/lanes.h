// What a warp's lanes do each alone: the operations of operations.py over its register file.
#ifndef EMULATOR_PTX_LANES_H
#define EMULATOR_PTX_LANES_H

#include <stdint.h>

#include "image.h"

namespace emulator::ptx {

constexpr unsigned kWarp = 32;
constexpr uint32_t kAll = 0xFFFFFFFF;

// The values of a slot, one a lane. A predicate has a bit a lane.
template <typename T> inline T* lanes_at(char* file, uint32_t slot) {
  return reinterpret_cast<T*>(file + slot);
}
inline uint32_t& mask_at(char* file, uint32_t slot) {
  return *reinterpret_cast<uint32_t*>(file + slot);
}
// The carry flags of the condition code.
inline uint32_t& carry_of(char* file) { return mask_at(file, 0); }

// By which end of the error that the manual allows approximate results are off: -1, 0 (not) or 1.
extern int error_sign;

// Runs one operation of the table for the lanes of the mask; false where it is none of the table.
bool compute(char* file, const Instruction& it, uint32_t mask);

}  // namespace emulator::ptx
#endif
