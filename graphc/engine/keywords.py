"""Keywords of Keras 0.3 that layers and models still take."""

from __future__ import annotations

from collections.abc import Mapping

from graphc.public.callers import warn


def drop_legacy(where: str, received: Mapping[str, object], legacy: Mapping[str, str]) -> dict:
    """The keywords without those of Keras 0.3 that have no effect any more; each one warns.

    `legacy` tells for each why.
    """
    for name in received:
        if name in legacy:
            warn(f"{where}: {name!r} has no effect; {legacy[name]}")
    return {name: value for name, value in received.items() if name not in legacy}
