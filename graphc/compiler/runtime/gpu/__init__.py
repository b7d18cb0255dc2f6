"""Device programs on a GPU.

- `cuda`: the GPU itself, through PyCUDA. Its memory: `pool`, `workspace` (shared by all functions),
  `device_array` (a shared variable's value);
- `nvcc` makes the binary of a program, `bound_program` packs the arguments of its launches for one
  set of sizes, `executor` runs it, `observed` runs it launch by launch, `timing` times launches;
- `between_gpus`: arrays from one rank's GPU to another's;
- `probe`: the driver and the packages of this machine.
"""
