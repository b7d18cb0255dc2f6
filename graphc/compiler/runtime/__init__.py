"""Executors: what runs a prepared graph, and the choice of a device.

- `device`: the flag `device` picks the CPU or a GPU; `executor` says what both can do, `pending`
  what is still under way;
- `cpu`: the interpreter; `fallback`: the interpreter beside generated code;
- `native`: generated C++ on this machine's CPU, which `native_compiler` compiles with what
  `toolchain` finds; `native_frame` is what a call is given; `interpreting` says what is not worth a
  compiler;
- `compiler_process`: what nvcc and the C++ compiler have in common as processes;
- `cuda_executor`: a device program on a GPU. `nvcc` and `cache` make its binary, `tape` packs the
  arguments of its launches for one set of sizes, `index_checks` and `out_of_memory` serve its
  errors, `timing` runs it launch by launch; `observed` tells observers of any generated code;
- `cuda`: the GPU itself, through PyCUDA. Its memory: `pool`, `workspace` (shared by all functions),
  `device_array` (a shared variable's value);
- `probe`, `report`: what this machine has.
"""
