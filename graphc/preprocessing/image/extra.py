"""The packages of the extra 'image', imported where a call needs them."""

from __future__ import annotations

from types import ModuleType

from graphc.errors import MissingPackageError

try:
    from PIL import Image as _pillow
except ImportError:
    _pillow = None
try:
    from scipy import ndimage as _ndimage
except ImportError:
    _ndimage = None


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
