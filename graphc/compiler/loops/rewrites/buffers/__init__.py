"""Rewrites of buffers: their axes, their extents and how they are accessed.

- `axes`: an axis for each loop; `flatten`: elements by their position;
- `expand`: a buffer of each turn as one of all; `postpone`: where it is allocated;
- `reuse`: one in the place of another; `pack`: neighbouring elements that are moved at once.
"""
