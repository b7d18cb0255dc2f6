"""`get_file` under the name that it had before `graphc.utils.data_utils`."""

from graphc.public.answers import names_of
from graphc.utils.data_utils import get_file

__all__ = ["get_file"]

__getattr__ = names_of(__name__)
