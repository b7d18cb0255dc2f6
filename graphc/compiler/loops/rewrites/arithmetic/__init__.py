"""Rewrites of arithmetic, which alone may change bits.

- `partial_sums`: sums in parts, and the tree that adds them;
- `contract`: fused multiply-adds;
- `use`: intrinsics.
"""
