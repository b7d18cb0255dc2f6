"""Executors, which run a prepared graph, and the choice of a device.

- `device`: the flag `device` picks the CPU or a GPU; `interpreting` decides which graphs are not
  worth a compiler;
- `executor` is the protocol of all executors, `pending` a result that is still being computed;
- `numpy_executor`: the interpreter, with `interpreted_memory`; `fallback`: the interpreter beside
  generated code;
- `cpu`: generated C++ on this machine's CPU; `gpu`: a device program on a GPU;
- `compiler_process`: nvcc and the C++ compiler as processes; `cache`: what they have made;
- `index_checks`, `out_of_memory`, `host_memory` serve the errors of executors; `observed` reports
  the values of any generated code to observers;
- `report`: the hardware and software of this machine.
"""
