"""Generated C++ on this machine's CPU.

- `toolchain` finds the C++ compiler, `compiler` makes shared objects with it, `library` holds those
  that are loaded;
- `executor` runs a program, `frame` holds the arguments of a call, `bound_shards` those of the
  calls on the shards of a batch, `partial_sums` what these add up.
"""
