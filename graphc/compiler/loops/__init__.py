"""Loop programs: what stands between a kernel and any text.

A kernel says what is computed. A `LoopProgram` says it as loops over elements of buffers, and a
list of rewrites, each of which keeps the program's meaning, says how it runs on a target. Printing
is the last step, and nothing reads text.

- `index`: index expressions in normal form; `ranges`: what is proved of them;
- `value`: what is computed of elements, by the names of ops; `buffer`: where elements lie;
- `statement`, `program`: loops, stores, reductions; walks over them; `text`: their printed form;
- `access`, `dependence`: what statements read and write, and which orders of turns mean the same;
- `rewrites`: changes of a program that keep its meaning;
- `measure`: operations, bytes, footprints, lanes and vectors alive; `domain`, `footprint`,
  `liveness`: what it counts by;
- `reduction`: what reductions start from and how two parts become one; `fused`: ops that the graph
  does not have;
- `evaluate`: what a program computes, in NumPy, and what has no meaning;
- `build`: a kernel of the schedule as its plain program.
"""
