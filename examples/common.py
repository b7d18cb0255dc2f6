"""Shared parts of the examples: their options, the line that says which data they use, their
results.

An example uses it so::

    parser = common.parser(__doc__, data="basic_motions.npz", without="signals are made")
    parser.add_argument(...)           # an option of the example's own
    args = common.start(parser)        # reads the command line, seeds NumPy, makes the folder
    with common.reading(args):         # what is wrong with the data is said in a message
        ...
    common.say_data("generated signals")
    ...
    common.save_picture(args, "motion", figure)
    common.report(args, "motion", data="generated signals", accuracy=0.98)
"""

from __future__ import annotations

import argparse
import io
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

try:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from PIL import Image
except ImportError as error:
    raise SystemExit(
        f"{error}: the examples save a picture; pip install '.[examples]' in graphc's folder has "
        "what they need"
    ) from error

_STARTED = time.perf_counter()


def parser(
    description: str | None, data: str, without: str, download: str | None = None
) -> argparse.ArgumentParser:
    """The options of every example.

    Args:
        description: the example's docstring.
        data: what --data takes.
        without: what is used without it.
        download: what --download fetches; None: there is no such option.
    """
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    source = made.add_mutually_exclusive_group()
    source.add_argument("--data", type=Path, metavar="PATH", help=f"{data}; else {without}")
    if download is not None:
        source.add_argument("--download", action="store_true", help=download)
    made.set_defaults(expected_data=data, download=False)
    made.add_argument("--quick", action="store_true", help="a cut-down setting: seconds")
    made.add_argument(
        "--seed", type=seed, default=1, metavar="N", help="of weights, orders and masks (1)"
    )
    made.add_argument(
        "--out", type=Path, default=Path("out"), metavar="DIR", help="for results (out)"
    )
    return made


def seed(text: str) -> int:
    """A number that NumPy's generator can be seeded with."""
    if text.isdecimal() and int(text) < 2**32:
        return int(text)
    raise argparse.ArgumentTypeError(f"expected a whole number from 0 to 2**32 - 1, not {text}")


def start(made: argparse.ArgumentParser) -> argparse.Namespace:
    """The options given. NumPy's global generator is seeded: graphc draws weights, the order of
    samples and dropout masks from it, so a seed gives the same result again. The folder of
    results is there from here on."""
    args = made.parse_args()
    np.random.seed(args.seed)
    try:
        args.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        made.error(f"--out: expected a folder, or a place to make one: {error}")
    return args


@contextmanager
def reading(args: argparse.Namespace) -> Iterator[None]:
    """Data are read within: what is wrong with them ends the example with a message, which says
    what was expected, too."""
    try:
        if args.data and not args.data.exists():
            raise ValueError(f"there is no {args.data}")
        yield
    except (OSError, ValueError) as error:
        if args.download:
            raise SystemExit(f"--download: {error}") from error
        raise SystemExit(f"--data: {error}\nexpected: {args.expected_data}") from error


def say_data(text: str) -> None:
    """The first line of an example's output."""
    print(f"data: {text}", flush=True)


def report(args: argparse.Namespace, name: str, **results: object) -> None:
    """The last line of an example's output: its results as JSON, which DIR/NAME.json keeps, too."""
    setting = {"example": name, "setting": "quick" if args.quick else "full", "seed": args.seed}
    seconds = round(time.perf_counter() - _STARTED, 1)
    line = json.dumps({**setting, **rounded(results), "seconds": seconds})
    (args.out / f"{name}.json").write_text(line + "\n", encoding="utf-8")
    print(line)


def rounded(value: object) -> object:
    """Numbers to four digits behind the point, in dicts and lists as well."""
    if isinstance(value, Mapping):
        return {key: rounded(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(part) for part in value]
    return round(float(value), 4) if isinstance(value, float | np.floating) else value


def figure(columns: int = 1, width: float = 7, height: float = 2.8) -> tuple[Figure, list[Axes]]:
    """A picture of plots side by side, and the plots."""
    made = Figure(figsize=(width, height), dpi=90, layout="constrained")
    return made, list(made.subplots(1, columns, squeeze=False)[0])


def save_picture(args: argparse.Namespace, name: str, made: Figure) -> Path:
    """Saves DIR/NAME.png, with no date or version in it: the same picture is the same file. It has
    at most 255 colours, which makes the file a quarter as large."""
    path = args.out / f"{name}.png"
    drawn = io.BytesIO()
    made.savefig(drawn)
    colours = {"colors": 255, "method": Image.Quantize.MAXCOVERAGE, "dither": Image.Dither.NONE}
    Image.open(drawn).convert("RGB").quantize(**colours).save(path, optimize=True)
    print(f"picture: {path}", flush=True)
    return path


def plot_history(plot: Axes, history: Mapping[str, Sequence[float]], name: str, title: str) -> None:
    """A curve over epochs of `name` ('loss', 'acc') and, where it is there, of 'val_' + `name`."""
    for key, label in ((name, "training"), (f"val_{name}", "held out")):
        if key in history:
            plot.plot(range(1, len(history[key]) + 1), history[key], label=label)
    plot.set_title(title)
    plot.set_xlabel("epoch")
    plot.legend()


def plot_confusion(plot: Axes, truth: np.ndarray, found: np.ndarray, names: Sequence[str]) -> None:
    """Plot how many samples of each class (a row) were found to be of each class (a column)."""
    counts = np.zeros((len(names), len(names)), "int64")
    np.add.at(counts, (truth, found), 1)
    plot.imshow(counts, cmap="Blues")
    for (row, column), count in np.ndenumerate(counts):
        if count:
            color = "white" if count > counts.max() / 2 else "black"
            plot.text(column, row, count, ha="center", va="center", color=color, fontsize=8)
    slant = {"rotation": 30, "ha": "right"} if max(map(len, names)) > 2 else {}
    plot.set_xticks(range(len(names)), names, **slant)
    plot.set_yticks(range(len(names)), names)
    plot.set_xlabel("found to be")
    plot.set_ylabel("is")
    plot.set_title("test samples")
