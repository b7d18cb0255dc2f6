"""Data sets for trying a model out: ``from graphc.datasets import digits``."""
