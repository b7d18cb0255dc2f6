// What a compiled kernel and the emulated driver know of each other.
#ifndef EMULATOR_DEVICE_H
#define EMULATOR_DEVICE_H

#include <stddef.h>

struct uint3 { unsigned int x, y, z; };

// Where the running thread is: threadIdx, blockIdx, blockDim and gridDim read it.
struct emu_position { uint3 thread, block, block_size, grid_size; };

// A __shared__ variable. Its memory is the driver's, so that it can have red zones; the slot is a
// static of the function that declares the variable, one for each instance of a template.
struct emu_slot { void* data; size_t bytes; const char* name; const char* file; int line; };

// What device code asks of the driver.
struct emu_driver {
  void (*barrier)(const char* file, int line);
  // One value of each lane of the warp, after all live lanes of `mask` came to this line.
  const unsigned long long* (*exchange)(const char* what, unsigned int mask,
                                        unsigned long long value, const char* file, int line);
  void (*bind_slot)(emu_slot*);
  void* (*dynamic_shared)();
};

struct emu_parameters { unsigned int count, bytes, offset[128], size[128]; };

struct emu_kernel {
  const char* name;
  void (*enter)(const char* parameters);
  emu_parameters parameters;
  unsigned int most_threads;  // of a block, by __launch_bounds__; 0 without
};

// What a module exports, as the symbol `emu_module_table`.
struct emu_module {
  emu_position** self;
  const emu_driver** driver;
  const emu_kernel* kernels;
  unsigned int count;
  unsigned int arch;  // 75: made for sm_75
};

#endif
