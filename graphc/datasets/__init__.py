"""Data sets for trying a model out: ``from graphc.datasets import digits``."""

from graphc.public.calls import public

__getattr__ = public(__name__)
