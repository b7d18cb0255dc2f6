"""The words of the code: docstrings say what a thing does or is, and retired names stay away.

`make lint` runs this file, too.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
GLOSSARY = ROOT / "docs/contributing/glossary.md"
FOLDERS = ("graphc", "tests", "benchmarks", "examples", "docs")

# The rest to do: folders whose docstrings may begin with What, Whether or How until they are
# rewritten.
REST = ("graphc/compiler/lowering",)

# Names that were given up, and the present ones.
RETIRED = {
    "are_apart": "are_disjoint",
    "as_held": "checked_cast",
    "function.door": "function.api",
    "interpret.rows": "interpret.signature",
    "begin_together": "synchronise",
    "is_one_walk": "in_one_pass",
    "make_alike": "broadcast_variables",
    "max_place": "argmax_pool",
    "meets_each": "covers_each_element",
    "OpenLoop": "OpenScan",
    "layers_of_0_3": "user_layers.keras_0_3",
    "shared_of_0_3": "configs.keras_0_3",
    "weights_0_3": "files.keras_0_3",
    "passes.scan_loop": "passes.open_scan",
    "parallel.launch": "parallel.launcher",
    "place_together": "assign_together",
    "compiling_told": "on_each_compile",
    "CpuExecutor": "NumpyExecutor",
    "damage_told": "damage_errors",
    "PULLED": "INLINED",
    "refusals_told": "storage_errors",
    "release_told": "release_of_config",
    "rows.spans": "rows.read_calls",
    "run_parts": "run_shards",
    "runtime.tape": "runtime.gpu.bound_program",
    "scan_parts": "forward_scan",
    "ScanParts": "ForwardScan",
    "schedule.cards": "schedule.hardware",
    "schedule.unlift": "schedule.scan_body",
    "schedule.walks": "schedule.window_passes",
    "starting_watched": "watch_over_start",
    "take_apart": "choose_materialised",
    "tell_of": "explain_missing",
    "training.together": "training.synchronising",
    "Tape": "BoundProgram",
    "topology.node": "topology.layer_node",
    "unlift": "inline_body",
    "walks_first": "passes_first",
    "why_apart": "fusion_blocker",
    "with_handed_on": "with_unchanged_results",
}

# Words that no name is made of, and those of the field. `tell` is a file's position, and no more.
WORDS = {
    "apart": "separate, disjoint, distinct",
    "asked": "requested, needed",
    "asks": "requests, needs",
    "dear": "expensive",
    "handed": "passed, returned",
    "heard": "received, read",
    "tells": "says, reports",
    "told": "reported, logged, stated",
    "turned": "transposed, rotated, flipped",
}

# Classes that may have one name in several modules. Keras names the class of `K.function` so; the
# target of a compiler, and that of a model, are terms of two fields.
HOMONYMS = {"Function", "Target"}

# Where other words are used yet, and programs in the words of those who wrote them.
OTHER_WORDS = (*REST, "tests/compiler/lowering", "tests/native/forms.py", "tests/keras_programs")

_BEGINS_BADLY = re.compile(r'^[ ]*[rR]?"""(?:What|Whether|How)\b.*', re.MULTILINE)
_RETIRED = re.compile(r"\b(?:" + "|".join(map(re.escape, RETIRED)) + r")\b")
_WORD = re.compile(r"(?<![^\W_])(?:" + "|".join(WORDS) + r")(?![^\W_])")
_DEFINED_IN = re.compile(r"^\| .* \| `([^`]+)`: `([^`]+)` \|$", re.MULTILINE)


def texts(suffixes: Sequence[str]) -> Iterator[tuple[str, str]]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in suffixes and path != Path(__file__).resolve():
                yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def test_docstrings_say_what_a_thing_does_or_is() -> None:
    found = [
        f"{path}: {line.strip()}"
        for path, text in texts([".py"])
        if not path.startswith(REST)
        for line in _BEGINS_BADLY.findall(text)
    ]
    assert found == [], 'begin with "Return ...", "True if ...", or with the thing that it is'


def test_retired_names_stay_away() -> None:
    found = [
        f"{path}: {name}, now {RETIRED[name]}"
        for path, text in texts([".py", ".md"])
        for name in sorted(set(_RETIRED.findall(text)))
    ]
    assert found == []


def test_names_are_made_of_the_words_of_the_field() -> None:
    found = [
        f"{path}: {name}, say {WORDS[word]}"
        for path, text in texts([".py"])
        if not path.startswith(OTHER_WORDS) and _WORD.search(text)
        for name, word in names_of_other_words(text)
    ]
    assert found == []


def names_of_other_words(text: str) -> Iterator[tuple[str, str]]:
    """Yield the names in a file that are made of a word of `WORDS`, and the word."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NAME and (word := _WORD.search(token.string)) is not None:
            yield token.string, word[0]


def test_one_name_means_one_class() -> None:
    found: dict[str, list[str]] = {}
    for path, text in texts([".py"]):
        if path.startswith("graphc/") and not path.startswith(REST):
            for name in re.findall(r"^class ([A-Z]\w*)", text, re.MULTILINE):
                found.setdefault(name, []).append(path)
    several = {name: paths for name, paths in found.items() if len(paths) > 1}
    assert several.keys() == HOMONYMS, several


@pytest.mark.parametrize("folder", REST)
def test_folders_of_the_rest_to_do_are_there(folder: str) -> None:
    assert any(
        _BEGINS_BADLY.search(path.read_text(encoding="utf-8"))
        for path in (ROOT / folder).rglob("*.py")
    ), f"{folder} is done: take it out of REST"


def test_terms_of_the_glossary_are_defined_where_it_says() -> None:
    rows = _DEFINED_IN.findall(GLOSSARY.read_text(encoding="utf-8"))
    assert len(rows) > 20
    for name, word in rows:
        text = (ROOT / name).read_text(encoding="utf-8")
        assert re.search(rf"\b{re.escape(word)}\b", text), f"{name} has no {word}"
