"""A function's text is complete with its name and its notes, and is compared without both."""

from __future__ import annotations

from graphc.compiler.targets.marks import (
    NAME,
    giving,
    lines_of_variables,
    noted,
    with_name_and_notes,
    without_name_and_notes,
)


def function(layer: str, value: int = 3) -> str:
    """A function that notes a layer, as it is printed."""
    lines = [
        f"static void {NAME}(float* y0) {{",
        noted("  ", f"Stage 0: {layer}"),
        noted(giving(f"  const float t0 = gc_neg({value});", "t0"), layer),
        giving("  const int i1 = 1;", "i1"),
        "}",
    ]
    return "\n".join([*lines, ""])


def test_notes_stand_behind_their_lines_or_alone() -> None:
    assert with_name_and_notes(function("dense_1"), "k7_rows") == (
        "static void k7_rows(float* y0) {\n"
        "  // Stage 0: dense_1\n"
        "  const float t0 = gc_neg(3);  // dense_1\n"
        "  const int i1 = 1;\n"
        "}\n"
    )
    assert noted("x = 1;", "") == "x = 1;"


def test_functions_are_equal_but_for_their_notes() -> None:
    first, second, other = function("dense_1"), function("dense // 2"), function("dense_1", 4)
    assert without_name_and_notes(first) == without_name_and_notes(second)
    assert without_name_and_notes(first) != without_name_and_notes(other)
    assert without_name_and_notes(function("")) == without_name_and_notes(first)


def test_lines_of_variables_are_known_and_their_marks_leave_no_trace() -> None:
    lines = [
        "{",
        giving("  float t0 = 1;", "t0"),
        noted(giving("  t1 = gc_exp(t0);", "t1"), "dense_1"),
        noted(giving("", "t2"), "behind what a template prints"),
        "}",
    ]
    text = "\n".join(lines)
    assert lines_of_variables(text) == {1: "t0", 2: "t1", 3: "t2"}
    assert with_name_and_notes(text, "k0").split("\n") == [
        "{",
        "  float t0 = 1;",
        "  t1 = gc_exp(t0);  // dense_1",
        "// behind what a template prints",
        "}",
    ]
    assert without_name_and_notes(text) == "{\n  float t0 = 1;\n  t1 = gc_exp(t0);\n}"
    # Templates are indented by Jinja, which divides text into lines as `splitlines` does.
    assert text.splitlines() == lines
    assert giving("x = 1;", "") == "x = 1;"
