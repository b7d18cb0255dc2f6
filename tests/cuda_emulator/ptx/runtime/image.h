// A module as encode.py writes it.
#ifndef EMULATOR_PTX_IMAGE_H
#define EMULATOR_PTX_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include <memory>
#include <string>
#include <vector>

#include "../../driver/device.h"

namespace emulator::ptx {

constexpr uint32_t kNone = 0xFFFFFFFF;
enum Flags : uint8_t { kSigned = 1, kReadOnly = 2, kNegatedGuard = 4, kHasGuard = 8 };
enum class Space : uint8_t { global, shared, local };

struct Instruction {
  int64_t immediate;   // the offset of an address, the target of a branch
  uint32_t guard;      // slot of a predicate
  uint32_t location, line;
  uint32_t slots[6];   // where the lanes' values are in the register file, or kNone
  uint32_t form;
  uint16_t operation;
  uint16_t kind;       // which shuffle, vote or atomic; the space of an access, its address' bytes
  uint8_t count, bytes, width, flags;  // values; bytes of each in memory, and in a register
  uint8_t unused[8];
};
static_assert(sizeof(Instruction) == 64, "as encode.py packs it");

struct Constant { uint32_t slot, bytes; uint64_t value; };
struct Special { uint32_t slot, which; };

struct Kernel {
  std::string name;
  emu_parameters parameters;
  uint32_t static_shared, local_bytes, most_threads;
  uint32_t registers;  // of a thread, by ptxas; 0 where it has not run
  uint32_t file_bytes;
  std::vector<Constant> constants;
  std::vector<Special> specials;
  std::vector<std::string> forms;
  std::vector<Instruction> code;
  const std::vector<std::string>* locations;
};

struct Global { uint32_t align; size_t bytes; std::string content; };

struct Module {
  uint32_t arch;  // 75: made for sm_75
  std::vector<std::string> locations;
  std::vector<Global> globals;
  std::vector<uint64_t> addresses;  // of the globals, once they have memory
  std::vector<Kernel> kernels;
};

bool is_image(const char* data);
// Throws std::runtime_error where the image is not whole. `place` gives each global its address.
std::unique_ptr<Module> read(const char* data, uint64_t (*place)(const Global&));

}  // namespace emulator::ptx
#endif
