"""The patients of the source documents: each is there, told as a whole, and nothing urgent is lost in the cut.

``tests/test_cases.py`` runs what each must say and must not say (``tests/cases/acceptance.toml``); here it is made sure
that nothing of it is vacuous.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.situations import Case, load_cases, shipped_catalogue

PATIENTS = [
    *("S0-1", "S0-2", "S0-3"),
    *("S1-A", "S1-B", "S1-C", "S1-D", "S1-E", "S1-F", "S1-G", "S1-H"),
    *("S2-X", "S3-X"),
    *("S4-1", "S4-2", "S4-3"),
]
MAX_CARDS = 5  # the default of a site
CASES = [case for case in load_cases() if case.name.startswith("acceptance/")]


def _of(patient: str) -> list[Case]:
    return [case for case in CASES if case.name.removeprefix("acceptance/").startswith(patient)]


@pytest.mark.parametrize("patient", PATIENTS)
def test_every_patient_has_a_case_that_names_what_must_stay_silent(patient: str) -> None:
    cases = _of(patient)
    assert cases, f"tests/cases/acceptance.toml has no {patient}"
    assert any(case.content.get("silent") for case in cases), f"{patient} names nothing that must stay silent"


def test_every_case_is_one_of_the_patients() -> None:
    assert sorted(case.name for patient in PATIENTS for case in _of(patient)) == sorted(case.name for case in CASES)


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_what_a_case_names_exists(case: Case) -> None:
    """An advisory that does not exist is silent too."""
    named = {*case.content.get("expect", {}), *case.content.get("silent", ())}
    assert named <= set(shipped_catalogue().advisories), named - set(shipped_catalogue().advisories)


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_nothing_urgent_is_lost_when_cards_are_cut(case: Case) -> None:
    """With five cards a theme every expected critical card and warning still stands by itself."""
    shown = {card["source"]["topic"]["code"]: card["indicator"] for card in case.answer(max_cards=MAX_CARDS).cards}
    for advisory, expected in case.content.get("expect", {}).items():
        indicator = _indicator(expected)
        if indicator != "info":
            assert shown.get(advisory) == indicator, shown


def _indicator(expected: str | dict[str, Any]) -> str:
    return expected if isinstance(expected, str) else expected["indicator"]
