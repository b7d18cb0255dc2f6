// What instructions did, by kernel and form, for a model of time: how often, for how many lanes,
// and what their accesses of memory cost.
#ifndef EMULATOR_PTX_COUNTERS_H
#define EMULATOR_PTX_COUNTERS_H

#include <stdint.h>

#include <string>
#include <vector>

#include "image.h"

namespace emulator::ptx {

struct Count {
  uint64_t warps, lanes;        // that an instruction of the form ran for
  uint64_t parted;              // branches after which lanes of a warp went two ways
  // Of device memory, sectors of 32 bytes that were touched, and as many as the bytes fill.
  uint64_t sectors, least_sectors;
  // Of shared memory, passes over its 32 banks, and as many as without a conflict.
  uint64_t passes, least_passes;
};

// The counts of one launch.
class Counters {
 public:
  explicit Counters(const Kernel& kernel) : kernel_(kernel), counts_(kernel.forms.size()) {}
  ~Counters();  // adds them to those of the kernel's other launches

  void ran(const Instruction& it, uint32_t mask);
  void parted(const Instruction& it) { ++counts_[it.form].parted; }
  // `addresses` has one for each lane of the mask, in order.
  void touched(const Instruction& it, const std::vector<uint64_t>& addresses);

 private:
  const Kernel& kernel_;
  std::vector<Count> counts_;
};

bool counting();

}  // namespace emulator::ptx

// For tests, by ctypes: begin anew, or stop; and the counts so far, a line for each kernel and
// form, in the order of Count, separated by tabs.
extern "C" {
void emulator_ptx_count(int on);
const char* emulator_ptx_counts();
}
#endif
