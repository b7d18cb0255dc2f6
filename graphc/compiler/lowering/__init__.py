"""From a schedule to programs that runtimes execute: `cuda` and `cpu`.

What they share:

- `steps`: the steps of a program, and where what is fetched lies; `loops`: a loop of launches;
- `mapped`: a kernel as a loop program of a target, and its launches;
- `context`, `place`: where values lie; `placing`: where new values of states are written;
- `identical`: one function for all kernels that do the same; `unit`: the comment above a function,
  and the text of all.
"""
