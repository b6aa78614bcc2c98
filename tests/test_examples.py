"""Replays every recorded example over HTTP, in both languages, and on the command's path: the same cards each time."""

from __future__ import annotations

import msgspec
import pytest

from tests.record_examples import EXAMPLES, LANGUAGES, answers, example_cases, pretty, request_of
from tests.situations import shipped_catalogue

RECORDED = sorted(path.parent.name for path in EXAMPLES.glob("*/request.json"))


@pytest.mark.parametrize("name", RECORDED)
def test_the_recorded_cards_come_again(name: str) -> None:
    told = answers(name, (EXAMPLES / name / "request.json").read_bytes())
    for language in LANGUAGES:
        recorded = msgspec.json.decode((EXAMPLES / name / f"card.{language}.json").read_bytes())
        assert told[language] == recorded, f"make examples records examples/{name} again"


@pytest.mark.parametrize("name", RECORDED)
def test_the_example_shows_its_advisory(name: str) -> None:
    recorded = msgspec.json.decode((EXAMPLES / name / "card.en.json").read_bytes())
    assert name in {card["source"]["topic"]["code"] for card in recorded["cards"]}


def test_every_advisory_has_an_example_and_every_example_an_advisory() -> None:
    assert sorted(shipped_catalogue().advisories) == RECORDED


@pytest.mark.parametrize("name", sorted(example_cases()))
def test_the_request_is_the_one_its_case_makes(name: str) -> None:
    recorded = (EXAMPLES / name / "request.json").read_bytes()
    assert recorded == pretty(request_of(name, example_cases()[name])), f"make examples records examples/{name} again"


@pytest.mark.parametrize("name", RECORDED)
def test_patients_of_examples_have_no_name(name: str) -> None:
    """Ruling 54: id, gender and birth date are all there is."""
    patient = msgspec.json.decode((EXAMPLES / name / "request.json").read_bytes())["prefetch"]["patient"]
    assert set(patient) <= {"resourceType", "id", "gender", "birthDate", "deceasedBoolean"}
