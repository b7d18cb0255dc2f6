"""The packages of the extra 'image', imported where a call needs them."""

from __future__ import annotations

import contextlib
import importlib
from types import ModuleType

from graphc.errors import MissingPackageError

_pillow: ModuleType | None = None
_ndimage: ModuleType | None = None
with contextlib.suppress(ImportError):
    _pillow = importlib.import_module("PIL.Image")
with contextlib.suppress(ImportError):
    _ndimage = importlib.import_module("scipy.ndimage")


def pillow(what: str) -> ModuleType:
    """PIL.Image, for `what`. MissingPackageError where Pillow is not installed."""
    return _needed(_pillow, "Pillow", what)


def ndimage(what: str) -> ModuleType:
    """scipy.ndimage, for `what`. MissingPackageError where SciPy is not installed."""
    return _needed(_ndimage, "SciPy", what)


def _needed(module: ModuleType | None, package: str, what: str) -> ModuleType:
    if module is None:
        raise MissingPackageError(
            f"{what} needs {package}, which is not installed: pip install 'graphc[image]'"
        )
    return module
