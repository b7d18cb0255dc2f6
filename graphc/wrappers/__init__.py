"""Models behind the interfaces of other libraries."""

from graphc.public.calls import public

__getattr__ = public(__name__)
