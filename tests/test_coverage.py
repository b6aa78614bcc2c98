"""Every row of the clinical specification's closing table has a place, and every advisory has a row.

``docs/coverage.toml`` says where; here each of its lines is held against the catalogue and the files it names.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from cards.advice import INDICATOR_ORDER
from cards.advisory import Advisory
from tests.situations import load_cases, shipped_catalogue

ROOT = Path(__file__).parent.parent
ROWS: dict[str, dict[str, Any]] = tomllib.loads((ROOT / "docs" / "coverage.toml").read_text("utf-8"))
OWN = {name: row for name, row in ROWS.items() if "advisory" in row}
ELSEWHERE = {name: row for name, row in ROWS.items() if "advisory" not in row}
HOOKS = {
    "PV": "patient-view",
    "OL": "order-select",
    "OS": "order-sign",
    "ED": "encounter-discharge",
    "AB": "appointment-book",
}
IDS_IN_THE_CLOSING_TABLE = 84


def test_the_list_is_the_whole_table() -> None:
    assert len(ROWS) == IDS_IN_THE_CLOSING_TABLE


def test_every_advisory_has_a_row() -> None:
    listed = [row["advisory"] for row in OWN.values()]
    assert sorted(listed) == sorted(shipped_catalogue().advisories)


@pytest.mark.parametrize("name", OWN)
def test_the_advisory_of_a_row_is_the_one_the_row_means(name: str) -> None:
    """Its rule, its priority, at least the row's hooks (ruling 48), and nothing more urgent than the row allows."""
    row, advisory = OWN[name], _advisory(name)
    assert (advisory.table.rule, advisory.table.priority) == (name, row["priority"])
    assert {HOOKS[hook] for hook in row["hooks"]} <= set(advisory.hooks)
    for band in advisory.table.band.values():
        for indicator in (band.indicator, *band.indicator_at.values()):
            assert INDICATOR_ORDER[indicator] >= INDICATOR_ORDER[row["at_most"]], f"{name}: band.{band.name}"


@pytest.mark.parametrize("name", OWN)
def test_the_advisory_of_a_row_has_cases_and_one_example(name: str) -> None:
    stem = _advisory(name).id.replace("-", "_")
    cases = [case for case in load_cases() if case.name.startswith(f"{stem}/")]
    assert any(OWN[name]["advisory"] in case.content.get("expect", {}) for case in cases)
    assert sum(bool(case.content.get("example")) for case in cases) == 1


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_row_without_a_card_lives_where_it_says(name: str) -> None:
    row = ELSEWHERE[name]
    assert row["kind"] in ("input", "detail") and row["why"] and row["where"]
    for place in row["where"]:
        assert row["says"] in (ROOT / place).read_text("utf-8"), f"{place} does not say {row['says']!r}"


def _advisory(name: str) -> Advisory:
    return shipped_catalogue().advisories[OWN[name]["advisory"]]
