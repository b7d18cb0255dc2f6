"""The page of `graphc view` in a browser: how soon it opens, and follows what is done.

    python benchmarks/view_page.py [--layers 370] [--rounds 5] [--page FILE]

Of a Sequential of so many Dense layers, 370 of which are 10,000 nodes; or of a page that was
written before. It needs playwright and Chromium (`pip install graphc[web]`; CHROMIUM names another
one). Times are medians over the rounds, and the largest; *processor* is the median of what the main
thread of the page took, which other programs lengthen less.

- *opens*: from the navigation to the first paint with content, which has all panes.
- *expands*: from the click on a group's `+` to the end of the next frame's work, over the groups
  that are opened one after the other in both drawings.
- *a frame while it pans*: the time between two frames while the drawing moves at each.
- *selects*: from the choice of a layer, which all panes mark, to the end of the next frame's work.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from graphc.layers import Dense
from graphc.models import Sequential
from graphc.view import compiled_view, subject_of, write_page

EXPANSIONS = 6
"""Groups that are opened in each drawing."""

FRAMES = 60

_TO_NEXT_FRAME = """
act => new Promise(done => {
  const start = performance.now();
  (0, eval)(act)();
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
})
"""

_PAN = """
([selector, frames]) => new Promise(done => {
  const drawing = document.querySelector(selector), times = [];
  let last = null;
  const step = now => {
    if (last !== null) times.push(now - last);
    last = now;
    if (times.length === frames) return done(times);
    drawing.dispatchEvent(new WheelEvent("wheel", {deltaY: 40, deltaX: 3, cancelable: true}));
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})
"""

# Asked once: the page's policy lets no condition be evaluated again and again.
_PAINT = """
() => new Promise(done => {
  const seen = list => {
    const paint = list.getEntriesByName("first-contentful-paint")[0];
    if (paint !== undefined) done(paint.startTime);
  };
  new PerformanceObserver(seen).observe({type: "paint", buffered: true});
})
"""


def write_deep(layers: int, path: Path) -> int:
    """Write the page of a deep network, and return how many nodes it has."""
    stack = [
        Dense(32, activation="relu", **({} if k else {"input_dim": 32})) for k in range(layers)
    ]
    model = Sequential(stack, name="deep")
    model.compile("sgd", "mse")
    view = compiled_view(subject_of(model, "deep", f"{layers} layers"), 32, target="cuda")
    write_page(view, path)
    return len(view.nodes)


class Times:
    """Milliseconds by what was done: as they passed, and of the main thread."""

    def __init__(self) -> None:
        self._found: dict[str, list[tuple[float, float | None]]] = {}

    def add(self, what: str, passed: float, processor: float | None = None) -> None:
        self._found.setdefault(what, []).append((passed, processor))

    def table(self) -> str:
        """The rows as text."""
        lines = [f"{'':<28}{'median':>9}{'largest':>9}{'processor':>11}   ms"]
        for what, found in self._found.items():
            passed = [one for one, _ in found]
            own = [one for _, one in found if one is not None]
            processor = f"{statistics.median(own):.1f}" if own else ""
            middle = statistics.median(passed)
            lines.append(f"{what:<28}{middle:>9.1f}{max(passed):>9.1f}{processor:>11}")
        return "\n".join(lines)


def measure(browser: Any, path: Path, times: Times) -> None:
    """Open the page once, and use it."""
    tab = browser.new_page(viewport={"width": 1600, "height": 950})
    client = tab.context.new_cdp_session(tab)
    client.send("Performance.enable", {"timeDomain": "threadTicks"})

    def processor() -> float:
        metrics = client.send("Performance.getMetrics")["metrics"]
        return 1000 * next(one["value"] for one in metrics if one["name"] == "TaskDuration")

    def timed(what: str, act: str) -> None:
        before = processor()
        passed = tab.evaluate(_TO_NEXT_FRAME, act)
        times.add(what, passed, processor() - before)

    before = processor()
    tab.goto(path.as_uri(), timeout=120_000)
    painted = tab.evaluate(_PAINT)
    times.add("opens", painted, processor() - before)
    tab.wait_for_selector(".kernels [data-kernel]")
    for pane in ("layers", "nodes"):
        for _ in range(EXPANSIONS):
            if tab.locator(f".{pane} .box.group .opens").count() == 0:
                break
            click = "dispatchEvent(new MouseEvent('click', {bubbles: true}))"
            timed("expands", f"() => document.querySelector('.{pane} .box.group .opens').{click}")
        for passed in tab.evaluate(_PAN, [f".{pane} svg.graph", FRAMES]):
            times.add("a frame while it pans", passed)
    names = tab.evaluate(
        "JSON.parse(document.getElementById('compiled-view').textContent).layers"
        ".filter(layer => layer.kind !== 'input').map(layer => layer.name)"
    )
    for name in names[:: max(1, len(names) // EXPANSIONS)]:
        address = f"'#' + new URLSearchParams({{layer: {name!r}}})"
        timed("selects", f"() => {{ location.hash = {address} }}")
    tab.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--layers", type=int, default=370)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--page", type=Path, help="a page that was written before")
    arguments = parser.parse_args()
    chromium = (
        os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    )
    times = Times()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = arguments.page
        if path is None:
            path = Path(folder) / "deep.html"
            print(f"{write_deep(arguments.layers, path):,} nodes", end=", ")
        print(f"{path.stat().st_size / 1e6:.1f} MB, {arguments.rounds} rounds; ", end="")
        load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
        print(f"load {load} of {os.cpu_count()} processors before")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for _ in range(arguments.rounds):
            measure(browser, path.resolve(), times)
        browser.close()
    print(times.table())


if __name__ == "__main__":
    main()
