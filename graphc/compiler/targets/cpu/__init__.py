"""The CPU as a target: its facts, its mappings, its printer.

- `facts`: what the system says of this machine;
- `pointwise`: the mappings of kernels that compute each element by itself;
- `printer`: a program as a function of C++; `expressions`: its indices and values; the statements'
  forms are templates, ``templates/cpu``.
"""
