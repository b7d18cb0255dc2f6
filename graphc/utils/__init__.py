"""What scripts use beside the models: labels, tables, a progress bar."""

from graphc.public.calls import public

__getattr__ = public(__name__)
