"""From a schedule to CUDA C: pure text and data, no device.

`lower` makes of a graph a `DeviceProgram` (`graphc.compiler.program`): source text, and the
launches that use it. Kernels of all kinds, and loops that one launch runs whole, go through
`lower_mapped`, as loop programs by the mappings of `graphc.compiler.targets.cuda`; loops of
launches through `scan`.

They share:

- `loop_program`: a kernel as a loop program of a target, and its launches; `program_traffic`: what
  these move;
- `context`, `signature`: where values lie, and what a function's parameters are called;
- `emitter`: nodes become statements, by the rules in `emit_movement`, `emit_loops` and
  `emit_windows`; `index` says where an element lies;
- `expression`, `statement`: C as data, which knows what it reads; `printer` collects it, `unused`
  leaves out what nothing reads;
- `render`: the templates of ``templates/``, and the comment above a function;
- `placing`: where new values of states are written;
- `traffic`: what lines of text read from memory.
"""

from graphc.compiler.codegen.lower import lower

__all__ = ["lower"]
