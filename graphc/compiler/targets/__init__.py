"""Targets: what loop programs run on, how they are changed for it, and how they are printed.

- `target`: the facts of a target, read from the system;
- `mapping`: tables of mappings, each a list of rewrites of a program for one target;
  for those of any target `product_loops`, the loops of products, and `loop_names`;
- `printer`: templates applied over a program; `expressions`: its indices and values as C;
  `signature`: the parameters of its function;
- `page`: C text that fits a page; `c_text`: types, numbers and comments of C; `marks`: names and
  notes of functions until these are complete; `templates`: Jinja;
- `passes`: passes over graphs that a target has of its own;
- `cpu`, `cuda`: the facts, mappings, passes and printers of these targets.
"""
