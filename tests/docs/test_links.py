"""No link is dead: files and headings are there, and addresses elsewhere are the listed ones.

`make docs` looks at the built pages as well. With ``GRAPHC_FETCH_LINKS=1`` each listed address is
asked for its head; nothing is fetched otherwise.
"""

from __future__ import annotations

import os
import re
import unicodedata
import urllib.request
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT

FOLDERS = ("benchmarks", "docs", "examples", "kernels", "templates")
FILES = [*ROOT.glob("*.md"), *(path for name in FOLDERS for path in (ROOT / name).rglob("*.md"))]

# Addresses outside of the project that pages or docstrings name, those of data sets included.
ELSEWHERE = {
    "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
    "https://doi.org/10.24432/C50P49",
    "https://github.com/ef2020/SarcasmAmazonReviewsCorpus",
    "https://github.com/fchollet/deep-learning-models",
    "https://github.com/kubeflow/mpi-operator",
    "https://github.com/pmodels/mpich/issues/7957",
    "https://s3.amazonaws.com/deep-learning-models/image-models/imagenet_class_index.json",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/reuters_word_index.json",
    "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
    "https://www.timeseriesclassification.com",
}
LOCAL = "http://localhost"

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_ADDRESS = re.compile(r"https?://[\w.:/~%#?=&+-]*[\w/]")
_CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def prose(path: Path) -> str:
    return _CODE.sub("", path.read_text(encoding="utf-8"))


def anchors(path: Path) -> set[str]:
    """The places of a page: its headings, and what mkdocstrings puts there."""
    text = path.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), re.M)
    return {slug(heading) for heading in headings} | set(re.findall(r"^::: (\S+)", text, re.M))


def slug(heading: str) -> str:
    """The name of a heading's place, as Python-Markdown makes it."""
    plain = unicodedata.normalize("NFKD", heading.replace("`", "")).encode("ascii", "ignore")
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain.decode()).strip().lower())


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for link in _LINK.findall(prose(path)):
        if link.startswith("http"):
            continue
        name, _, place = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), link
        if place and target.suffix == ".md":
            assert place in anchors(target), link


def test_addresses_are_listed() -> None:
    sources = [*FILES, *(ROOT / "graphc").rglob("*.py")]
    found = {one for path in sources for one in _ADDRESS.findall(path.read_text(encoding="utf-8"))}
    assert {one for one in found if not one.startswith(LOCAL)} == ELSEWHERE


def test_pages_link_to_no_file_outside_of_the_manual() -> None:
    """Which would be there in a checkout, and not on the site."""
    for path in DOCS.rglob("*.md"):
        for link in _LINK.findall(prose(path)):
            target = (path.parent / link.partition("#")[0]).resolve()
            assert link.startswith("http") or target.is_relative_to(DOCS), f"{path.name}: {link}"


@pytest.mark.skipif(
    "GRAPHC_FETCH_LINKS" not in os.environ, reason="asks other machines: GRAPHC_FETCH_LINKS=1"
)
@pytest.mark.network
@pytest.mark.parametrize("address", sorted(ELSEWHERE))
def test_addresses_answer(address: str) -> None:
    head = urllib.request.Request(address, method="HEAD", headers={"User-Agent": "graphc-docs"})
    with urllib.request.urlopen(head, timeout=30) as answer:
        assert answer.status == 200


def test_the_map_names_files_that_are_there() -> None:
    text = (DOCS / "contributing/house.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:[\w.]+/)+(?:\w+\.\w+)?)`", text)
    assert len(named) > 30
    roots = (ROOT / "graphc", ROOT)
    missing = [name for name in named if not any((place / name).exists() for place in roots)]
    assert not missing
