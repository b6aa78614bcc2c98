"""Real public records nobody here wrote, against lists made by reading each file (``tests/realdata/*.toml``).

A finding is written ``DAY KIND NAMES VALUE``, what was not read ``RESOURCE WHY ELEMENT``. The lists come from the
records, with the arithmetic beside them, not from what the program printed. ``[earlier]`` has the cards of other days.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cds_service.advisor import Advisor
from cds_service.files import case_from, resources_in
from cds_service.settings import load_settings
from cds_service.strict import flaws
from fhir_mappings.charts import Reading, read_chart
from fhir_mappings.finding import Finding, Skipped
from tests.conftest import require

LISTS = Path(__file__).parent / "realdata"
NAMES = sorted(path.stem for path in LISTS.glob("*.toml"))


@pytest.fixture(scope="module")
def advisor() -> Advisor:
    return Advisor(load_settings(environ={}))


@pytest.fixture
def record(realdata: Path, request: pytest.FixtureRequest) -> bytes:
    path = realdata / f"{request.param}.json"
    require(path.is_file(), f"{path.name} is not among the real records")
    return path.read_bytes()


def expected(name: str) -> dict[str, Any]:
    return tomllib.loads((LISTS / f"{name}.toml").read_text("utf-8"))


def read(record: bytes, as_of: date, advisor: Advisor) -> Reading:
    case = case_from(record, advisor, hook="patient-view", as_of=as_of)
    return read_chart(
        case.supplied,
        terminology=advisor.terminology,
        as_of=case.as_of,
        patient_id=case.patient_id,
        gaps=case.gaps,
        drafts=case.drafts,
    )


def written(finding: Finding) -> str:
    when = finding.evidence.when
    day = str(when) if when else "undated"
    return " ".join(f"{day} {type(finding).__name__} {', '.join(sorted(finding.names))} {finding.shown}".split())


def named(skip: Skipped) -> str:
    return f"{skip.reference} {skip.why} {skip.element}".rstrip()


def test_every_record_has_its_list(realdata: Path) -> None:
    assert sorted(path.stem for path in realdata.glob("*.json")) == NAMES


@pytest.mark.parametrize(("record", "name"), [(name, name) for name in NAMES], indirect=["record"], ids=NAMES)
def test_what_was_read(record: bytes, name: str, advisor: Advisor) -> None:
    wanted = expected(name)
    reading = read(record, date.fromisoformat(wanted["as_of"]), advisor)
    found = [*reading.chart.findings, *reading.drafts, *reading.chart_drafts]
    assert Counter(map(written, found)) == Counter(wanted["findings"])
    assert sorted(map(named, reading.chart.skipped)) == sorted(wanted["skipped"])


@pytest.mark.parametrize(("record", "name"), [(name, name) for name in NAMES], indirect=["record"], ids=NAMES)
def test_what_is_said(record: bytes, name: str, advisor: Advisor) -> None:
    wanted = expected(name)
    for day, topics in {wanted["as_of"]: wanted["cards"], **wanted.get("earlier", {})}.items():
        case = case_from(record, advisor, hook="patient-view", as_of=date.fromisoformat(day))
        spoken = advisor.answer(case, theme=None, language="en")
        assert [card["source"]["topic"]["code"] for card in spoken.cards] == topics, day
        if day == wanted["as_of"]:
            assert spoken.evaluation.get("gate") == wanted.get("gate")


@pytest.mark.parametrize(("record", "name"), [(name, name) for name in NAMES], indirect=["record"], ids=NAMES)
def test_what_is_not_valid_fhir(record: bytes, name: str) -> None:
    """What ``evaluate --strict`` adds: the lenient reader took these all the same, or named them."""
    told = {f"{flaw.resource} {flaw.element}".rstrip() for flaw in flaws(resources_in(record))}
    assert told == set(expected(name).get("invalid", []))
