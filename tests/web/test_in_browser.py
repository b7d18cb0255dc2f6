"""The page in a real browser: Chromium, without a window, driven by playwright.

``make test-web`` runs it. GRAPHC_UPDATE_PICTURES=1 takes the pictures of the manual anew.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from graphc.reference_models import REFERENCE_MODELS
from graphc.view import CompiledView, Subject, compiled_view, page, write_page
from tests.view.steps import HOSTILE, hostile_subject

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

    def __init__(self, browser: Any, path: Path, hash_: str = "", **options: Any):
        self.context = browser.new_context(**{"viewport": WIDE, **options})
        self.context.set_default_timeout(5000)
        self.tab = self.context.new_page()
        self.faults: list[str] = []
        self.requests: list[str] = []
        self.tab.on("console", lambda message: self.faults.append(message.text))
        self.tab.on("pageerror", lambda error: self.faults.append(str(error)))
        self.tab.on("dialog", lambda dialog: self.faults.append(f"dialog {dialog.message}"))
        self.tab.on("request", lambda request: self.requests.append(request.url))
        self.tab.goto(f"{path.as_uri()}{hash_}")
        self.tab.wait_for_selector(".layers .box")
        self.tab.wait_for_selector(".kernels [data-kernel]")

    def layer(self, name: str) -> Any:
        return self.tab.locator(f'.layers .box:has(.title:text-is("{name}"))')

    def texts(self, selector: str) -> list[str]:
        return self.tab.locator(selector).all_text_contents()

    def close(self) -> None:
        self.context.close()
        assert self.faults == []
        assert [url for url in self.requests if not url.startswith(("file:", "data:"))] == []
        assert len([url for url in self.requests if url.startswith("file:")]) == 1


def document(name: str) -> CompiledView:
    model = REFERENCE_MODELS[name]
    subject = Subject(name, model.summary, model.build().function(), model.batch)
    return compiled_view(subject, model.batch, target="cuda")


@pytest.fixture(scope="module")
def mlp(tmp_path_factory: pytest.TempPathFactory) -> tuple[CompiledView, Path]:
    path = tmp_path_factory.mktemp("pages") / "mlp.html"
    view = document("mlp")
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
    for layer in ("dense_1", "dense_2", "activation_3"):
        opened.layer(layer).click()
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
    before = tab.locator(".nodes .box").count()
    tab.locator(".nodes .box.group .opens").first.click()
    assert tab.locator(".nodes .box").count() > before


def test_stages_list_the_rules_that_fired(opened: Opened, mlp: tuple[CompiledView, Path]) -> None:
    view = mlp[0]
    at = next(k for k, stage in enumerate(view.stages) if stage.name == "simplify")
    opened.tab.locator(".stage").nth(at).click()
    counts = [int(text.rstrip("\u00d7")) for text in opened.texts(".rule .times")]
    assert sum(counts) == len(view.stages[at].firings)
    rules = {firing.rule for firing in view.stages[at].firings}
    assert set(opened.texts(".rule code")) == rules


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
    one.close()


def test_hostile_names_are_texts(browser: Any, tmp_path: Path) -> None:
    write_page(compiled_view(hostile_subject(), 2, target="cuda"), tmp_path / "hostile.html")
    one = Opened(browser, tmp_path / "hostile.html")
    assert one.texts("h1") == [HOSTILE[0]]
    assert one.tab.locator("img").count() == 0
    assert one.tab.locator("script").count() == 2
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


@pytest.mark.skipif("GRAPHC_UPDATE_PICTURES" not in os.environ, reason="takes pictures on request")
@pytest.mark.parametrize(
    ("picture", "hash_", "scheme"),
    [("view", "#kernel=k1_matmul", "light"), ("view_dark", "#layer=dense_2&stage=2", "dark")],
)
def test_pictures_of_the_manual(
    browser: Any, mlp: tuple[CompiledView, Path], picture: str, hash_: str, scheme: str
) -> None:
    one = Opened(browser, mlp[1], hash_, color_scheme=scheme, viewport=WIDE)
    one.tab.wait_for_timeout(300)
    one.tab.screenshot(path=IMAGES / f"{picture}.png")
    one.close()
