"""Generated C++ on this machine's CPU.

- `toolchain` finds the C++ compiler, `compiler` makes shared objects with it, `library` holds those
  that are loaded;
- `executor` runs a program, `frame` holds the arguments of a call, `partial_sums` what a call adds
  up for shards.
"""
