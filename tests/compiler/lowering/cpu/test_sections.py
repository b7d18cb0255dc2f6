"""Translation units of a source: each function in one of them, of about equal costs."""

from __future__ import annotations

import pytest

from graphc.compiler.lowering.cpu.sections import LEAST_COST, Section, translation_units

SOURCE = """\
#include "one.h"

// the first
void a() {
}

void b() {
}

void c() {
}

void step() {
  a(), b(), c();
}
"""


def sections(*costs: int) -> tuple[Section, ...]:
    lines, names = (3, 7, 10, 13), ("void a();", "void b();", "void c();", "")
    found = zip(lines, costs, names, strict=True)
    return tuple(Section(line, cost * LEAST_COST, name) for line, cost, name in found)


def test_each_unit_has_the_head_and_its_functions_in_their_order_by_their_lines() -> None:
    dear, cheap = translation_units(SOURCE, sections(5, 1, 1, 2), 2)
    assert dear == '#include "one.h"\n\n#line 3\n// the first\nvoid a() {\n}\n\n'
    assert cheap == (
        '#include "one.h"\n\n#line 7\nvoid b() {\n}\n\n#line 10\nvoid c() {\n}\n\n'
        "void a();\nvoid b();\nvoid c();\n#line 13\nvoid step() {\n  a(), b(), c();\n}\n\n"
    )


@pytest.mark.parametrize(("most", "count"), [(1, 1), (2, 2), (3, 3), (9, 4)])
def test_there_is_at_most_a_unit_for_each_core_and_each_function(most: int, count: int) -> None:
    units = translation_units(SOURCE, sections(1, 1, 2, 1), most)
    assert len(units) == count
    for line in ("void a() {", "void b() {", "void c() {", "void step() {"):
        assert sum(line in unit for unit in units) == 1


def test_a_source_that_takes_no_longer_than_its_headers_stays_one_unit() -> None:
    few = [Section(one.line, LEAST_COST // 2 - 1, one.declaration) for one in sections(1, 1, 1, 1)]
    assert translation_units(SOURCE, few[:3], 8) == [SOURCE]


def test_a_source_without_sections_is_compiled_as_it_is() -> None:
    assert translation_units(SOURCE, (), 8) == [SOURCE]
