"""The traceability page refuses to be printed with a gap."""

from pathlib import Path

import pytest

from tools import traceability
from tools.traceability import CONFORMANCE, Gap, Test, named_tests, page, sections

ALL = {
    f"{letter}{number}"
    for letter, last in zip("DRPCFS", (5, 6, 8, 10, 3, 7), strict=True)
    for number in range(1, last + 1)
}


def printed_from(monkeypatch, found):
    monkeypatch.setattr(traceability, "named_tests", lambda: found)
    return page()


def test_the_clauses_are_those_of_the_checklist():
    """Discovery 5, request 6, prefetch 8, response 10, feedback 3, security 7: 39 in all."""
    assert {name for section in sections() for name in section.clauses} == ALL
    assert len(ALL) == 5 + 6 + 8 + 10 + 3 + 7


@pytest.mark.parametrize("clause", sorted(ALL))
def test_a_clause_without_its_test_stops_the_printing(monkeypatch, clause):
    left = [test for test in named_tests() if not (clause in test.clauses and test.path.is_relative_to(CONFORMANCE))]
    with pytest.raises(Gap, match=f"{clause} has no test"):
        printed_from(monkeypatch, left)


def test_a_test_of_no_clause_and_one_that_says_nothing(monkeypatch):
    with pytest.raises(Gap, match="no such clause: test_c11_more"):
        printed_from(monkeypatch, [*named_tests(), Test(CONFORMANCE / "test_x.py", "test_c11_more", "More.")])
    with pytest.raises(Gap, match="test_c1_mute"):
        printed_from(monkeypatch, [*named_tests(), Test(CONFORMANCE / "test_x.py", "test_c1_mute", "")])


def test_a_test_may_show_several_clauses():
    assert Test(Path("x"), "test_r1_r5_an_error_names_the_place", "").clauses == ["R1", "R5"]
    assert Test(Path("x"), "test_read_2", "").clauses == []
