"""From raw data to arrays: sequences of numbers, texts, images."""

from graphc.public.answers import names_of

__getattr__ = names_of(__name__)
