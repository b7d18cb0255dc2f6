"""Rewrites of arithmetic, which alone may change bits.

- `partial_sums`: sums in parts, and the tree that adds them;
- `online`: sums that go along with the largest value, or the mean, that they are seen from;
- `contract`: fused multiply-adds;
- `use`: intrinsics.
"""
