"""The page in a real browser: Chromium, without a window, driven by playwright.

``make test-web`` runs it. GRAPHC_UPDATE_PICTURES=1 takes the pictures of the manual anew.
"""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from graphc.backend.settings import own_uids
from graphc.layers.core import Dense
from graphc.models import Sequential
from graphc.reference_models import REFERENCE_MODELS
from graphc.view import (
    ComparedBuilds,
    CompiledView,
    Subject,
    compare,
    compiled_view,
    page,
    subject_of,
    write_page,
)
from tests.view.steps import HOSTILE, document, hostile_subject, residual_model

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
WIDE, NARROW = {"width": 1600, "height": 950}, {"width": 900, "height": 800}

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


class Opened:
    """A page, and what must not happen on it: errors, and requests beside that of itself."""

    def __init__(
        self,
        browser: Any,
        path: Path,
        hash_: str = "",
        rows: Sequence[str] = (".layers .box", ".kernels [data-kernel]"),
        **options: Any,
    ):
        self.context = browser.new_context(**{"viewport": WIDE, **options})
        self.context.set_default_timeout(20_000)
        self.tab = self.context.new_page()
        self.faults: list[str] = []
        self.requests: list[str] = []
        self.tab.on("console", lambda message: self.faults.append(message.text))
        self.tab.on("pageerror", lambda error: self.faults.append(str(error)))
        self.tab.on("dialog", lambda dialog: self.faults.append(f"dialog {dialog.message}"))
        self.tab.on("request", lambda request: self.requests.append(request.url))
        self.tab.goto(f"{path.as_uri()}{hash_}")
        for row in rows:
            self.tab.wait_for_selector(row)

    def layer(self, name: str) -> Any:
        return self.tab.locator(f'.layers .box:has(.title:text-is("{name}"))')

    def texts(self, selector: str) -> list[str]:
        return self.tab.locator(selector).all_text_contents()

    def close(self) -> None:
        self.context.close()
        assert self.faults == []
        assert [url for url in self.requests if not url.startswith(("file:", "data:"))] == []
        assert len([url for url in self.requests if url.startswith("file:")]) == 1


def reference(name: str, target: str = "cuda") -> CompiledView:
    model = REFERENCE_MODELS[name]
    with own_uids():
        subject = Subject(name, model.summary, model.build().function(), model.batch)
    return compiled_view(subject, model.batch, target=target)


@pytest.fixture(scope="module")
def mlp(tmp_path_factory: pytest.TempPathFactory) -> tuple[CompiledView, Path]:
    path = tmp_path_factory.mktemp("pages") / "mlp.html"
    view = reference("mlp")
    write_page(view, path)
    return view, path


@pytest.fixture
def opened(browser: Any, mlp: tuple[CompiledView, Path]) -> Iterator[Opened]:
    one = Opened(browser, mlp[1])
    yield one
    one.close()


def test_each_pane_has_its_rows(opened: Opened, mlp: tuple[CompiledView, Path]) -> None:
    view = mlp[0]
    assert opened.texts("h1") == ["mlp"]
    assert set(opened.texts(".layers .box title")) != set()
    assert opened.tab.locator(".layers .box").count() == len(view.layers)
    kernels = view.kernels["kernels"]
    rows = opened.tab.locator(".kernels [role=grid]")
    assert rows.get_attribute("aria-rowcount") == str(len(kernels) + 1)
    assert opened.tab.locator(".stage").count() == len(view.stages)
    assert opened.tab.locator(".largest li").count() == min(10, len(view.memory["buffers"]))


def test_from_a_layer_to_its_kernel_in_two_clicks(
    opened: Opened, mlp: tuple[CompiledView, Path]
) -> None:
    view = mlp[0]
    computed = {name for kernel in view.kernels["kernels"] for name in kernel["layers"]}
    layers = [layer.name for layer in view.layers if layer.name in computed]
    assert {"dense_1", "dropout_2", "activation_3", "loss of activation_3"} <= set(layers)
    for layer in layers:
        opened.layer(layer).dispatch_event("click")
        opened.tab.locator(".facts .link.kernel").first.click()
        (shown,) = opened.texts(".source h3")
        (kernel,) = [one for one in view.kernels["kernels"] if shown == f"kernel{one['name']}"]
        assert layer in [name.removeprefix("gradient of ") for name in kernel["layers"]]
        source = "\n".join(opened.texts(".code .line"))
        assert source == kernel["source"].rstrip("\n")


def test_a_choice_is_marked_in_all_panes(opened: Opened) -> None:
    opened.tab.locator(".kernels [data-kernel=k1_matmul]").click()
    assert "dense_2" in "".join(opened.texts(".layers .box.related .title"))
    assert opened.tab.locator(".nodes .box.related").count() > 0
    assert opened.texts(".source h3") == ["kernelk1_matmul"]
    assert "dense_2/dense_2_W" in "".join(opened.texts(".largest button.related .name"))
    assert opened.tab.evaluate("location.hash") == "#kernel=k1_matmul"
    opened.tab.keyboard.press("Escape")
    assert opened.tab.evaluate("location.hash") == ""
    assert opened.tab.locator(".related").count() == 0


def test_a_line_of_source_leads_to_its_node(opened: Opened) -> None:
    opened.tab.locator(".kernels [data-kernel=k0_matmul]").click()
    opened.tab.locator(".code .line", has_text="gc_maximum(").click()
    assert opened.texts(".source h3") == ["nodemaximum"]
    assert opened.tab.locator(".nodes .box.chosen").count() == 1
    assert "activation_1" in opened.texts(".layers .box.related .title")
    assert any("gc_maximum(" in line for line in opened.texts(".code .line.related"))


def test_an_address_restores_what_was_looked_at(
    browser: Any, mlp: tuple[CompiledView, Path]
) -> None:
    one = Opened(browser, mlp[1], "#layer=dense_2&stage=1")
    assert one.texts(".source h3") == ["layerdense_2"]
    assert one.texts(".layers .box.chosen .title") == ["dense_2"]
    assert one.texts(".stage[aria-checked=true] b") == ["fold"]
    one.close()


def test_the_keyboard_does_it_all(opened: Opened) -> None:
    tab = opened.tab
    keys = tab.keyboard
    keys.press("/")
    keys.type("dense_2")
    keys.press("Enter")
    assert opened.texts(".source h3") == ["layerdense_2"]
    tab.locator(".layers svg.graph").focus()
    keys.press("ArrowDown")
    assert opened.texts(".source h3") == ["layeractivation_2"]
    reached = set()
    tab.locator("body").evaluate("body => document.activeElement.blur()")
    for _ in range(60):
        keys.press("Tab")
        reached.add(
            tab.evaluate("document.activeElement.closest('.pane')?.getAttribute('aria-label')")
        )
    assert reached >= {"Layers", "Graph", "Kernels", "Details and source", "Memory"}
    tab.locator(".kernels [role=grid]").focus()
    keys.press("Home")
    keys.press("ArrowDown")
    assert opened.texts(".source h3") == ["kernelk1_matmul"]
    tab.locator(".code").focus()
    keys.press("ArrowDown")
    assert opened.texts(".source h3 small") == ["node"]
    tab.locator(".memory canvas").focus()
    keys.press("ArrowRight")
    assert opened.texts(".source h3 small") == ["value"]
    tab.locator(".nodes svg.graph").focus()
    keys.press("ArrowDown")
    at = tab.locator(".nodes .box.at")
    while "group" not in (at.get_attribute("class") or ""):
        keys.press("ArrowDown")
    before = tab.locator(".nodes .box").count()
    keys.press("Enter")
    assert tab.locator(".nodes .box").count() > before


def test_blocks_that_repeat_are_one_box_that_opens(browser: Any, tmp_path: Path) -> None:
    subject = subject_of(residual_model([4] * 4), "residual", "")
    write_page(compiled_view(subject, 2, target="cuda"), tmp_path / "residual.html")
    one = Opened(browser, tmp_path / "residual.html")
    # The first block differs: it has a convolution in its shortcut.
    assert "block \u00d7 3" in one.texts(".layers .box .title")
    assert "add_2" not in one.texts(".layers .box .title")
    one.layer("block \u00d7 3").locator(".opens").dispatch_event("click")
    titles = one.texts(".layers .box .title")
    assert [title for title in titles if title.startswith("block")] == [
        "block 1 of 3",
        "block 2 of 3",
        "block 3 of 3",
    ]
    # What is chosen is opened; a block has all layers of one step of the network.
    one.tab.evaluate("location.hash = '#layer=conv_2_a'")
    one.tab.wait_for_selector(".layers .box.chosen")
    titles = one.texts(".layers .box .title")
    block = {f"{name}_2{part}" for name, part in product(("conv", "norm"), ("_a", "_b"))}
    assert block | {"relu_2", "add_2", "out_2"} <= set(titles)
    assert "conv_1_a" not in titles
    assert "conv_3_a" not in titles
    one.close()


# How many boxes of a drawing are wholly in view.
_IN_VIEW = """boxes => boxes.filter(box => {
  const [own, around] = [box, box.closest("svg.graph")].map(one => one.getBoundingClientRect());
  return own.left >= around.left && own.right <= around.right
    && own.top >= around.top && own.bottom <= around.bottom;
}).map(box => box.querySelector(".title").textContent)"""


@pytest.mark.parametrize("viewport", [WIDE, NARROW])
def test_the_first_view_shows_the_model(
    browser: Any, mlp: tuple[CompiledView, Path], viewport: dict[str, int]
) -> None:
    one = Opened(browser, mlp[1], viewport=viewport)
    nodes = one.tab.locator(".nodes .box").evaluate_all(_IN_VIEW)
    layers = one.tab.locator(".layers .box").evaluate_all(_IN_VIEW)
    for drawn in (nodes, layers):
        assert {"dense_1", "dropout_1"} <= set(drawn)
        assert len(drawn) >= (8 if viewport is WIDE else 4)
    one.close()


def test_a_network_of_unlike_blocks_opens_as_its_blocks(browser: Any, tmp_path: Path) -> None:
    subject = subject_of(residual_model([4, 4, 4, 5, 5, 5, 6, 6, 6]), "residual", "")
    write_page(compiled_view(subject, 2, target="cuda"), tmp_path / "residual.html")
    one = Opened(browser, tmp_path / "residual.html")
    # In the graph the gradients are blocks as well.
    for pane, times in (("layers", 1), ("nodes", 2)):
        titles = one.texts(f".{pane} .box .title")
        assert titles.count("block") == 3 * times
        assert titles.count("block \u00d7 2") == 3 * times
        assert any("top" in title for title in titles)
        assert not any(" layers" in title or "\u2026" in title for title in titles)
    one.layer("block").first.locator(".opens").dispatch_event("click")
    titles = one.texts(".layers .box .title")
    assert {"conv_0_a", "norm_shortcut_0", "add_0"} <= set(titles)
    one.close()


def test_a_large_drawing_holds_what_is_in_view(browser: Any, tmp_path: Path) -> None:
    # Sizes that differ, so that nothing repeats.
    layers = [Dense(2 + k, **({} if k else {"input_dim": 3})) for k in range(130)]
    model = Sequential(layers, name="long")
    model.compile("sgd", "mse")
    write_page(compiled_view(subject_of(model, "long", ""), 2), tmp_path / "long.html")
    one = Opened(browser, tmp_path / "long.html")
    click = "dispatchEvent(new MouseEvent('click', {bubbles: true}))"
    while one.tab.locator(".layers .box.group .opens").count() > 0:
        one.tab.evaluate(f"document.querySelector('.layers .box.group .opens').{click}")
    drawn = one.tab.locator(".layers .box").count()
    assert 0 < drawn < 120
    first = one.texts(".layers .box .title")
    one.tab.locator(".layers svg.graph").hover()
    for _ in range(30):
        one.tab.mouse.wheel(0, 150)
    one.layer(first[0]).wait_for(state="detached")
    assert 0 < one.tab.locator(".layers .box").count() < 120
    one.close()


def test_stages_list_the_rules_that_fired(opened: Opened, mlp: tuple[CompiledView, Path]) -> None:
    view = mlp[0]
    at = next(k for k, stage in enumerate(view.stages) if stage.name == "simplify")
    opened.tab.locator(".stage").nth(at).click()
    counts = [int(text.rstrip("\u00d7")) for text in opened.texts(".rule .times")]
    assert sum(counts) == len(view.stages[at].firings)
    rules = {firing.rule for firing in view.stages[at].firings}
    assert set(opened.texts(".rule code")) == rules


def test_a_kernel_has_its_bytes_by_value(opened: Opened, mlp: tuple[CompiledView, Path]) -> None:
    (kernel,) = [one for one in mlp[0].kernels["kernels"] if one["name"] == "k1_matmul"]
    opened.tab.locator(".kernels [data-kernel=k1_matmul]").click()
    for fact, written in (("reads", False), ("writes", True)):
        (text,) = opened.texts(f".facts dt:text-is('{fact}') + dd")
        names = [one["value"] for one in kernel["moves"] if one["written"] is written]
        assert names
        assert [part.partition(" of ")[2] for part in text.split(", ")] == names


def test_a_measured_step_says_what_was_timed(
    browser: Any, mlp: tuple[CompiledView, Path], tmp_path: Path
) -> None:
    ms = {"median": 2.0, "spread": 0.1, "samples": 5, "least": 1.9}
    row = {"name": "k0_matmul", "times": 1, "ms": ms, "share": 1.0, "gflops": 1.0, "gbytes": 1.0}
    measured = {
        "device": "cpu",
        "executor": "native",
        "facts": {"threads": 4},
        "step": ms,
        "between": ms,
        "notes": [],
        "rows": [row],
    }
    write_page(replace(mlp[0], measured=measured), tmp_path / "measured.html")
    for viewport in (WIDE, NARROW):
        one = Opened(browser, tmp_path / "measured.html", viewport=viewport)
        said = one.tab.locator(".memory .lane")
        assert said.inner_text() == (
            "thread 1: timed on the first of the 4 threads that share each kernel; "
            "the others are not timed."
        )
        pane, line = one.tab.locator(".memory").bounding_box(), said.bounding_box()
        assert line["y"] + line["height"] <= pane["y"] + pane["height"]
        one.close()


def test_dark_and_light(browser: Any, mlp: tuple[CompiledView, Path]) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    found = {}
    for scheme in ("dark", "light"):
        one = Opened(browser, mlp[1], color_scheme=scheme)
        found[scheme] = one.tab.evaluate(background)
        one.tab.locator("button.theme").click()
        found[f"not {scheme}"] = one.tab.evaluate(background)
        one.close()
    assert found["dark"] == found["not light"] != found["light"] == found["not dark"]


def test_900_pixels_are_enough(browser: Any, mlp: tuple[CompiledView, Path]) -> None:
    one = Opened(browser, mlp[1], viewport=NARROW)
    wide = one.tab.evaluate("document.documentElement.scrollWidth")
    assert wide <= NARROW["width"]
    table = one.tab.locator(".kernels .rows")
    assert table.evaluate("rows => rows.scrollWidth <= rows.clientWidth")
    one.close()


def test_hostile_names_are_texts(browser: Any, tmp_path: Path) -> None:
    write_page(compiled_view(hostile_subject(), 2, target="cuda"), tmp_path / "hostile.html")
    one = Opened(browser, tmp_path / "hostile.html")
    assert one.texts("h1") == [HOSTILE[0]]
    assert one.tab.locator("img").count() == 0
    assert one.tab.locator("script").count() == 2
    one.tab.locator(".layers .box.group .opens").click()  # they are alike
    hints = "\n".join(one.texts(".layers .box title"))
    assert all(name in hints for name in HOSTILE)
    for name in HOSTILE:
        one.tab.evaluate("name => { location.hash = new URLSearchParams({layer: name}) }", name)
        one.tab.wait_for_function(
            "name => document.querySelector('.source h3').textContent === 'layer' + name", arg=name
        )
    one.close()


def test_a_frame_of_a_notebook(browser: Any, mlp: tuple[CompiledView, Path]) -> None:
    context = browser.new_context(viewport=WIDE)
    tab = context.new_page()
    faults: list[str] = []
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.set_content(
        "<iframe sandbox='allow-scripts' style='width: 1500px; height: 900px'></iframe>"
    )
    tab.locator("iframe").evaluate("(frame, text) => { frame.srcdoc = text }", page(mlp[0]))
    frame = tab.frame_locator("iframe")
    frame.locator(".layers .box", has_text="dense_1").first.click()
    assert frame.locator(".source h3").text_content() == "layerdense_1"
    assert faults == []
    context.close()


PAIRS = (".kernel-pairs [data-pair]",)


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[ComparedBuilds, Path]:
    """A page of a step for CUDA beside that for the CPU."""
    path = tmp_path_factory.mktemp("compared") / "loop.html"
    found = compare(document("loop", "cuda"), document("loop", "cpu"), (HOSTILE[1], "on a CPU"))
    write_page(found, path)
    return found, path


def test_the_difference_comes_first(browser: Any, compared: tuple[ComparedBuilds, Path]) -> None:
    found, path = compared
    one = Opened(browser, path, rows=PAIRS)
    assert one.texts("nav.builds button") == ["Difference", *found.names]
    (fact,) = one.texts(".sums tr.fact")
    assert fact == "targetcudacpu"
    totals = [build["kernels"]["totals"] for build in found.builds]
    (kernels,) = one.tab.locator(".sums tr", has=one.tab.locator("th:text-is('kernels')")).all()
    cells = kernels.locator("td").all_text_contents()
    assert cells[:2] == [str(total["kernels"]) for total in totals]
    counts = one.texts(".kernel-pairs .filter")
    missing = {
        "added": sum(pair.before is None for pair in found.kernels),
        "removed": sum(pair.after is None for pair in found.kernels),
        "same": sum(
            not pair.changes and None not in (pair.before, pair.after) for pair in found.kernels
        ),
    }
    for status, count in missing.items():
        assert f"{count} {status}" in counts
    rows = one.tab.locator(".kernel-pairs [role=grid]").get_attribute("aria-rowcount")
    assert rows == str(1 + len(found.kernels) - missing["same"])
    assert one.tab.locator("img").count() == 0
    one.close()


def test_a_pair_leads_to_each_builds_kernel(
    browser: Any, compared: tuple[ComparedBuilds, Path]
) -> None:
    found, path = compared
    one = Opened(browser, path, rows=PAIRS)
    at = next(k for k, pair in enumerate(found.kernels) if "source" in pair.changes)
    pair = found.kernels[at]
    first, second = (build["kernels"]["kernels"] for build in found.builds)
    before, after = first[pair.before]["name"], second[pair.after]["name"]
    row = one.tab.locator(".kernel-pairs .rows .row").nth(at)
    row.locator(".cell").first.click()
    assert one.tab.evaluate("location.hash") == f"#pair={at}"
    assert one.texts(".diff-line.gone")
    sides = {
        0: ("gone", first[pair.before]["source"]),
        1: ("fresh", second[pair.after]["source"]),
    }
    for kind, source in sides.values():
        lines = one.tab.locator(f".diff-line:not(.{'fresh' if kind == 'gone' else 'gone'})")
        texts = lines.evaluate_all(
            "lines => lines.map(line => [...line.childNodes].slice(3)"
            ".map(part => part.textContent).join(''))"
        )
        assert "\n".join(texts) == source.rstrip("\n")
    for side, name in ((1, before), (2, after)):
        one.tab.locator("nav.builds button").first.click()
        row = one.tab.locator(".kernel-pairs .rows .row.chosen")
        row.locator(".link").nth(side - 1).click()
        build = one.tab.locator(".build:not([hidden])")
        build.locator(".layers .box").first.wait_for()
        assert build.locator(".source h3").text_content() == f"kernel{name}"
        assert one.tab.evaluate("location.hash") == f"#build={side}&kernel={name}"
        one.tab.keyboard.press("Escape")
        assert one.tab.evaluate("location.hash") == f"#build={side}"
    one.close()


def test_an_address_restores_what_was_compared(
    browser: Any, compared: tuple[ComparedBuilds, Path]
) -> None:
    found, path = compared
    one = Opened(browser, path, "#pair=1", rows=PAIRS)
    assert one.tab.locator(".kernel-pairs .row.chosen").count() == 1
    one.tab.keyboard.press("Escape")
    assert one.tab.evaluate("location.hash") == ""
    one.tab.locator("nav.builds button[aria-selected=true]").focus()
    one.tab.keyboard.press("ArrowRight")
    assert one.texts("nav.builds button[aria-selected=true]") == [HOSTILE[1]]
    one.close()
    name = found.builds[1]["kernels"]["kernels"][2]["name"]
    one = Opened(browser, path, f"#build=2&kernel={name}", rows=(".layers .box",))
    assert one.texts(".source h3") == [f"kernel{name}"]
    one.close()


def test_the_keyboard_goes_through_what_differs(
    browser: Any, compared: tuple[ComparedBuilds, Path]
) -> None:
    one = Opened(browser, compared[1], rows=PAIRS, viewport=NARROW)
    keys = one.tab.keyboard
    one.tab.locator(".kernel-pairs [role=grid]").focus()
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    assert one.tab.locator(".kernel-pairs .row.chosen").get_attribute("aria-rowindex") == "3"
    grid = one.tab.locator(".kernel-pairs [role=grid]")
    shown = int(grid.get_attribute("aria-rowcount"))
    one.tab.locator(".kernel-pairs .filter.of-added input").uncheck()
    added = sum(pair.before is None for pair in compared[0].kernels)
    assert added > 0
    assert grid.get_attribute("aria-rowcount") == str(shown - added)
    one.tab.locator(".layer-pairs [role=grid]").focus()
    keys.press("ArrowDown")
    keys.press("Enter")
    assert one.tab.evaluate("location.hash").startswith("#build=2&layer=")
    assert one.tab.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    one.close()


@pytest.mark.parametrize(
    ("removed", "name"),
    [
        ("delete window.ResizeObserver", "ResizeObserver"),
        ("delete Element.prototype.replaceChildren", "replaceChildren"),
        ("CSS.supports = () => false", "CSS color-mix"),
    ],
)
def test_a_browser_without_what_the_page_needs(
    browser: Any, mlp: tuple[CompiledView, Path], removed: str, name: str
) -> None:
    context = browser.new_context(viewport=WIDE)
    context.add_init_script(removed)
    tab = context.new_page()
    faults: list[str] = []
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.goto(mlp[1].as_uri())
    said = tab.locator("[role=alert]")
    assert f"lacks what the page needs: {name}." in said.text_content()
    assert said.is_visible()
    assert tab.locator("main").count() == 0
    assert faults == []
    context.close()


def test_a_browser_without_scripts(browser: Any, mlp: tuple[CompiledView, Path]) -> None:
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(mlp[1].as_uri())
    assert "needs JavaScript" in tab.locator("noscript").inner_text()
    context.close()


def test_a_document_of_another_form(
    browser: Any, mlp: tuple[CompiledView, Path], tmp_path: Path
) -> None:
    path = tmp_path / "other.html"
    write_page(replace(mlp[0], format=99), path)
    one = Opened(browser, path, rows=("[role=alert]",))
    assert "a document of form 99" in one.texts("[role=alert]")[0]
    one.close()


def take_picture(one: Opened, name: str) -> None:
    """Write what a page shows into the manual's pictures, as WebP, which Chromium encodes."""
    one.tab.wait_for_timeout(300)
    shot = base64.b64encode(one.tab.screenshot()).decode()
    url = one.context.new_page().evaluate(
        """async shot => {
          const image = new Image();
          image.src = `data:image/png;base64,${shot}`;
          await image.decode();
          const canvas = document.createElement("canvas");
          [canvas.width, canvas.height] = [image.width, image.height];
          canvas.getContext("2d").drawImage(image, 0, 0);
          return canvas.toDataURL("image/webp", 0.85);
        }""",
        shot,
    )
    (IMAGES / f"{name}.webp").write_bytes(base64.b64decode(url.partition(",")[2]))
    one.close()


takes_pictures = pytest.mark.skipif(
    "GRAPHC_UPDATE_PICTURES" not in os.environ, reason="takes pictures on request"
)


@takes_pictures
@pytest.mark.parametrize(
    ("picture", "hash_", "scheme"),
    [("view", "#kernel=k1_matmul", "light"), ("view_dark", "#layer=dense_2&stage=2", "dark")],
)
def test_pictures_of_the_manual(
    browser: Any, mlp: tuple[CompiledView, Path], picture: str, hash_: str, scheme: str
) -> None:
    take_picture(Opened(browser, mlp[1], hash_, color_scheme=scheme), picture)


@takes_pictures
def test_the_picture_of_two_builds(browser: Any, tmp_path: Path) -> None:
    before, after = (reference("lstm", target).as_dict() for target in ("cuda", "cpu"))
    path = tmp_path / "compared.html"
    write_page(compare(before, after, ("lstm", "lstm, target=cpu")), path)
    take_picture(Opened(browser, path, "#pair=3", rows=PAIRS), "view_compared")


@pytest.mark.parametrize("picture", ["view", "view_dark", "view_compared"])
def test_pictures_are_small(picture: str) -> None:
    assert 10e3 < (IMAGES / f"{picture}.webp").stat().st_size < 150e3
