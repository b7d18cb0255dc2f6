"""Generated text fits 80 columns and says what it said in one line."""

from __future__ import annotations

import re
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.compiler.codegen import identical, page
from graphc.config import config
from graphc.reference_models import REFERENCE_MODELS

# None of these is a comment's or a directive's, so that lines mean what their words are.
WORDS = st.lists(st.sampled_from(["a", "b1", "12", "f(", ")", "x[", "]", ",", "=", "+", "*"]))


def code(text: str) -> str:
    """Return the text as a compiler reads it: no comments, no white space, no ends of lines within
    directives."""
    return re.sub(r"\s|//.*", "", text.replace("\\\n", ""))


def comments(text: str) -> list[str]:
    return " ".join(re.findall("// ?(.*)", text)).split()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("short = 1;  // loss", "short = 1;  // loss"),
        (
            "  const float t1 = gc_sum::result("
            "gc_reduce_block<gc_sum, 128>(a0_all, a0_warps));  // loss",
            "  const float t1 =\n"
            "      gc_sum::result(gc_reduce_block<gc_sum, 128>(a0_all, a0_warps));  // loss",
        ),
        (
            "  const float t15 = gc_div(e10[4 * turn + part], t14);  // batch_normalization_12",
            "  // batch_normalization_12\n  const float t15 = gc_div(e10[4 * turn + part], t14);",
        ),
        (
            "  for (int i = 4 * (blockIdx.x * blockDim.x + threadIdx.x); i < count; i += stride) {",
            "  for (int i = 4 * (blockIdx.x * blockDim.x + threadIdx.x); i < count;\n"
            "      i += stride) {",
        ),
        (
            "const int left_outer = (thread / 2) % 16, left_k = (thread % 2) * 4 + (thread / 8);",
            "const int left_outer = (thread / 2) % 16,\n"
            "    left_k = (thread % 2) * 4 + (thread / 8);",
        ),
        (
            "#pragma omp parallel for schedule(static) if ((gc_int64)batch * 32 * 288 >= 524288)",
            "#pragma omp parallel for schedule(static) \\\n"
            "    if ((gc_int64)batch * 32 * 288 >= 524288)",
        ),
        (
            "  // A thread owns a column of the tile, and in it each row with row % 2 == group.",
            "  // A thread owns a column of the tile, and in it each row with row % 2 ==\n"
            "  // group.",
        ),
    ],
)
def test_a_line(line: str, expected: str) -> None:
    assert page.fitted(line).text == expected


@pytest.mark.parametrize(
    ("start", "word", "end", "more"),
    [("  f(", "a{},", "b);", ""), ("#pragma omp for", " c{}(x)", " d(y)", " \\")],
)
def test_a_line_of_any_length(start: str, word: str, end: str, more: str) -> None:
    """As a paragraph is filled: each part holds what fits it."""
    words = [word.format(k) for k in range(20_000)]
    line = start + (" " if "," in word else "").join([*words, end])
    indent = " " * (len(start) - len(start.lstrip()) + 4)
    parts = textwrap.wrap(line, 80 - len(more), subsequent_indent=indent)
    assert page.fitted(line).text == f"{more}\n".join(parts)


@given(WORDS)
def test_any_line_keeps_its_words(words: list[str]) -> None:
    line = " ".join(words)
    assert page.fitted(line).text.split() == line.split()


@given(WORDS)
def test_what_can_be_broken_fits(words: list[str]) -> None:
    """At a comma, for one."""
    lines = page.fitted(" ".join(word for one in words for word in (one, ", a"))).text
    assert max(map(len, lines.split("\n"))) <= 80


@pytest.mark.parametrize("target", ["cuda", "cpu"])
@pytest.mark.parametrize("name", REFERENCE_MODELS)
def test_kernels_of_the_reference_models(
    name: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = REFERENCE_MODELS[name]
    broken = []

    def watched(text: str) -> page.Fitted:
        fits = page.fitted(text)
        broken.append((text, fits.text))
        assert [fits.text.split("\n")[k].strip()[:1] for k in fits.starts] == [
            line.strip()[:1] for line in text.split("\n")
        ]
        return fits

    monkeypatch.setattr(identical, "fitted", watched)
    with config.changed(device="cpu"):
        source = model.build().function().kernels(model.batch, {}, target=target).source
    assert max(map(len, source.split("\n"))) <= 80
    assert broken
    for text, fits in broken:
        assert code(text) == code(fits)
        assert sorted(comments(text)) == sorted(comments(fits))
