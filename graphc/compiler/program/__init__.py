"""Lowered programs as data: what runtimes execute, and what is known of it without running it.

- `launch`: a `DeviceProgram`, its launches, the formulas of their sizes;
- `memory`: the plan of the arena; `memory_report`: the memory that a program takes;
- `describe`: its kernels as a `kernel_list`, beside the `fewest` bytes that they can move;
- `time_report`: the estimated time on a card, with the registers that `ptxas_text` reads;
- `table`: how reports are printed.

Nothing here prints code, or depends on how it is printed: targets do, from the floors above.
"""
