"""From raw data to arrays: sequences of numbers, texts, images."""

from typing import TYPE_CHECKING

from graphc.public.calls import public

if TYPE_CHECKING:  # imported when they are read
    from graphc.preprocessing import image as image
    from graphc.preprocessing import sequence as sequence
    from graphc.preprocessing import text as text

public(__name__)
