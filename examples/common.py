"""What the examples share: their options, the line that says which data they use, their results.

An example uses it so::

    parser = common.parser(__doc__, data="basic_motions.npz")
    parser.add_argument(...)           # an option of the example's own
    args = common.start(parser)        # reads the command line, seeds NumPy, makes the folder
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
from collections.abc import Mapping, Sequence
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


def parser(description: str | None, data: str | None) -> argparse.ArgumentParser:
    """The options of every example.

    Args:
        description: the example's docstring.
        data: what --data takes, and what is used without it; None: the example takes no data.
    """
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    if data is not None:
        made.add_argument("--data", type=Path, metavar="PATH", help=data)
    made.add_argument("--quick", action="store_true", help="a cut-down setting: seconds")
    made.add_argument("--seed", type=int, default=1, help="of weights, orders and masks (1)")
    made.add_argument(
        "--out", type=Path, default=Path("out"), metavar="DIR", help="for results (out)"
    )
    return made


def start(made: argparse.ArgumentParser) -> argparse.Namespace:
    """The options given. NumPy's global generator is seeded: graphc draws weights, the order of
    samples and dropout masks from it, so a seed gives the same result again. The folder of
    results is there from here on."""
    args = made.parse_args()
    if getattr(args, "data", None) is not None and not args.data.exists():
        made.error(f"--data: there is no {args.data}")
    np.random.seed(args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    return args


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
    """How many samples of each class (a row) were found to be of each class (a column)."""
    counts = np.zeros((len(names), len(names)), "int64")
    np.add.at(counts, (truth, found), 1)
    plot.imshow(counts, cmap="Blues")
    for (row, column), count in np.ndenumerate(counts):
        dark = count > counts.max() / 2
        plot.text(column, row, count, ha="center", va="center", color="white" if dark else "black")
    plot.set_xticks(range(len(names)), names, rotation=30, ha="right")
    plot.set_yticks(range(len(names)), names)
    plot.set_title("test samples: is / found")
