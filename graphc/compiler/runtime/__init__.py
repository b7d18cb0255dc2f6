"""Executors, which run a prepared graph, and the choice of a device.

- `device`: the flag `device` picks the CPU or a GPU; `executor` is the protocol of both, `pending`
  a result that is still being computed;
- `numpy_executor`: the interpreter; `fallback`: the interpreter beside generated code;
- `native`: generated C++ on this machine's CPU, compiled by `native_compiler` with the compiler
  that `toolchain` finds; `native_frame` holds the arguments of a call; `interpreting` decides which
  graphs are not worth a compiler;
- `compiler_process`: nvcc and the C++ compiler as processes;
- `cuda_executor`: a device program on a GPU. `nvcc` and `cache` make its binary, `bound_program`
  packs the arguments of its launches for one set of sizes, `index_checks` and `out_of_memory` serve
  its errors, `timing` runs it launch by launch; `observed` reports the values of any generated code
  to observers;
- `cuda`: the GPU itself, through PyCUDA. Its memory: `pool`, `workspace` (shared by all functions),
  `device_array` (a shared variable's value);
- `probe`, `report`: the hardware and software of this machine.
"""
