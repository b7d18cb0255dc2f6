"""From raw data to arrays: sequences of numbers, texts, images."""

from graphc.public.calls import public

__getattr__ = public(__name__)
