"""From a schedule to CUDA C: pure text and data, no device.

`lower` makes of a graph a `DeviceProgram` (`graphc.compiler.program`): source text, and the
launches that use it. Each kernel goes through one function for its kind, the table `LOWERINGS` of
`lower`:

- scatter: `scatter`; all others: `lower_mapped`, as loop programs by the mappings of
  `graphc.compiler.targets.cuda`, and so do loops that one launch runs whole;
- loops of launches: `scan`.

They share:

- `loop_program`: a kernel as a loop program of a target, and its launches; `program_traffic`: what
  these move;
- `context`, `signature`: where values lie, and what a function's parameters are called;
- `pointwise`: the text of an element of the outputs; `emitter`: nodes become statements, by the
  rules in `emit_movement`, `emit_loops` and `emit_windows`; `index` says where an element lies;
- `expression`, `statement`: C as data, which knows what it reads; `printer` collects it, `unused`
  leaves out what nothing reads;
- `render`: the templates of ``templates/``, and the comment above a function;
- `placing`: where new values of states are written;
- `traffic`: what a launch asks of memory, counted while its text is printed.
"""

from graphc.compiler.codegen.lower import lower

__all__ = ["lower"]
