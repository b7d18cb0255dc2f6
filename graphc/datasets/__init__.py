"""Data sets for trying a model out: ``from graphc.datasets import digits``."""

from graphc.public.answers import names_of

__getattr__ = names_of(__name__)
