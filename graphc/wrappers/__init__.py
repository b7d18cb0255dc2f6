"""Models behind the interfaces of other libraries."""

from graphc.public.answers import names_of

__getattr__ = names_of(__name__)
