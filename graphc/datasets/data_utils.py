"""`get_file` under the name that it had before `graphc.utils.data_utils`."""

from graphc.public.calls import public
from graphc.utils.data_utils import get_file

__all__ = ["get_file"]

public(__name__)
