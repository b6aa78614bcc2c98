"""What inputs are called in the evidence: by the data contract's code where it has one (ruling 2)."""

from __future__ import annotations

import pytest

from cards import words

PREFIX = "proc-"
CONTRACTED = sorted(
    name
    for name in words.terminology().of_kind("procedure")
    if name.startswith(PREFIX) and name.removeprefix(PREFIX) in words.terminology().local_codes
)


def test_there_are_such_procedures() -> None:
    assert "proc-tooth-extraction" in CONTRACTED


@pytest.mark.parametrize("concept", CONTRACTED)
def test_a_procedure_is_called_by_its_code_in_the_data_contract(concept: str) -> None:
    assert words.variable(concept) == concept.removeprefix(PREFIX)
