"""Models behind the interfaces of other libraries."""

from typing import TYPE_CHECKING

from graphc.public.calls import public

if TYPE_CHECKING:  # imported when they are read
    from graphc.wrappers import scikit_learn as scikit_learn

public(__name__)
