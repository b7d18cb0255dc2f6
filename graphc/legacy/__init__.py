"""The remains of Keras 0.3 in Keras 1.0."""

from typing import TYPE_CHECKING

from graphc.public.calls import public

if TYPE_CHECKING:  # imported when they are read
    from graphc.legacy import models as models

public(__name__)
