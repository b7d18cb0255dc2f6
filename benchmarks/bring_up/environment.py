"""An environment with the packages of the Python that runs this and, of a kit, what that lacks."""

from __future__ import annotations

import hashlib
import shutil
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

from benchmarks.bring_up import headers
from benchmarks.bring_up.commands import output_of
from benchmarks.bring_up.machine import ROOT
from benchmarks.bring_up.manifest import MANIFEST, WHEELS, Kit

ENVIRONMENT = ROOT / ".venv-gpu"
BUILDER = ROOT / "tests" / "cuda_emulator" / "pycuda_wheel.py"
_STAMP = "kit.sha256"


def installed(
    kit: Kit,
    folder: Path,
    say: Callable[[str], None],
    place: Path = ENVIRONMENT,
) -> Path:
    """Return the Python of an environment with a kit installed; it is made where it is not there.

    It needs no network. KitError where something fails.

    Args:
        folder: the kit's.
        say: prints a line about what takes long.
        place: the environment's folder.
    """
    python = place / "bin" / "python"
    key = hashlib.sha256((folder / MANIFEST).read_bytes() + sys.executable.encode()).hexdigest()
    stamp = place / _STAMP
    if stamp.is_file() and stamp.read_text() == key:
        return python
    say(f"installing the kit {folder} into {place}")
    shutil.rmtree(place, ignore_errors=True)
    # A Debian without its package python3-venv has no ensurepip; the kit brings pip.
    output_of(sys.executable, "-m", "venv", "--without-pip", str(place))
    _join_host(place)
    wheels = folder / WHEELS
    (pip,) = wheels.glob("pip-*.whl")
    offline = ("--no-index", "--find-links", str(wheels), "--quiet", "--no-warn-script-location")
    output_of(str(python), f"{pip}/pip", "install", *offline, "--ignore-installed", str(pip))
    install = (str(python), "-m", "pip", "--disable-pip-version-check", "install", *offline)
    output_of(*install, *kit.requirements)
    if kit.toolkit:
        # All of one release: nvcc looks for its headers beside itself.
        output_of(*install, "--no-deps", "--ignore-installed", *kit.toolkit)
    if kit.is_built:
        (wheel,) = wheels.glob("pycuda-*.whl")
    else:
        say("building PyCUDA, which takes minutes")
        wheel = _built(python, wheels, place)
    output_of(*install, "--no-deps", "--ignore-installed", str(wheel))
    stamp.write_text(key)
    return python


def _join_host(place: Path) -> None:
    """Let an environment see the packages of the Python that runs this, which may be one of an
    environment itself: PyTorch is too large for a kit."""
    hosts = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    scheme = {"base": str(place), "platbase": str(place)}
    own = Path(sysconfig.get_path("purelib", "venv", scheme))
    lines = [f"import site; site.addsitedir({path!r})" for path in hosts]
    (own / "of_the_host.pth").write_text("".join(f"{line}\n" for line in lines))


def _built(python: Path, wheels: Path, place: Path) -> Path:
    """Return the wheel of PyCUDA that is built here, from a kit's source with its headers."""
    folder = headers.unpack(wheels.glob("nvidia_cuda_*.whl"), place / "cuda-headers")
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "CUDA_INC_DIR": str(folder)}
    return Path(output_of(str(python), str(BUILDER), environment=offline).splitlines()[-1])
