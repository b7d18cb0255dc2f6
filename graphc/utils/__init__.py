"""What scripts use beside the models: labels, tables, a progress bar."""

from graphc.public.answers import names_of

__getattr__ = names_of(__name__)
