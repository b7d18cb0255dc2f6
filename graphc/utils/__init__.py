"""Tools of scripts beside the models: labels, tables, a progress bar."""

from graphc.public.calls import public

# `keras.utils` had its modules for attributes.
__getattr__ = public(__name__)
