"""The remains of Keras 0.3 in Keras 1.0."""

from graphc.public.calls import public

__getattr__ = public(__name__)
