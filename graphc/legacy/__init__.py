"""What is left of Keras 0.3 in Keras 1.0."""

from graphc.public.answers import names_of

__getattr__ = names_of(__name__)
