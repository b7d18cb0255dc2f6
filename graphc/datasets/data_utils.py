"""`get_file` under the name that it had before `graphc.utils.data_utils`."""

from graphc.utils.data_utils import get_file

__all__ = ["get_file"]
