"""Where the device code that graphc ships lies on disk."""

from __future__ import annotations

from pathlib import Path

from graphc.errors import InstallationError

_PACKAGE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """The folder ``kernels`` or ``templates``.

    A wheel carries it inside the package; in a checkout, editable install or not, it lies beside
    the package. Raises `InstallationError` with both paths if it is in neither.
    """
    inside, beside = _PACKAGE / name, _PACKAGE.parent / name
    if inside.is_dir():
        return inside
    # Beside an installed package lies site-packages, where a folder of this name is not ours.
    if beside.is_dir() and (_PACKAGE.parent / "pyproject.toml").is_file():
        return beside
    raise InstallationError(
        f"graphc's folder {name!r} is missing: expected it at {inside} (installed) or at {beside} "
        "(in a checkout). Install graphc again."
    )
