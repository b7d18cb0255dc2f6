"""The CPU as a target: its facts, its mappings, its printer.

- `facts`: what the system says of this machine;
- `printer`: a program as a function of C++; `expressions`: its indices and values; the statements'
  forms are templates, ``templates/cpu``.
"""
