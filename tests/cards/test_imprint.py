"""What calls share: the imprint of a band, the draft of an activity. A call must leave it as it was, for the next."""

from __future__ import annotations

import uuid
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cards.activities import suggestion
from cards.imprint import imprint
from cards.table import load_table
from cards.text import Text
from cards.uuids import named, written
from tests.situations import load_cases, shipped_catalogue


def test_an_imprint_is_worked_out_once_for_a_band_its_notes_and_a_language() -> None:
    mirels = shipped_catalogue().advisories["mirels"]
    english = imprint(mirels, "high", (), True, "en")
    assert imprint(mirels, "high", (), True, "en") is english
    assert english.standing != imprint(mirels, "high", (), True, "zh-Hans").standing
    assert [cite["cite"] for cite in english.sources] == english.cited.removeprefix("**Sources:** ").split("; ")


def test_another_table_has_another_imprint(tmp_path: Path) -> None:
    """Two catalogues of one process (a site's settings, a test) have advisories of the same id."""
    mirels = shipped_catalogue().advisories["mirels"]
    path = tmp_path / "mirels.toml"
    content = Path("cards/fracture_risk/mirels.toml").read_text("utf-8")
    path.write_text(content.replace("Mirels H. Metastatic disease", "Another source"), "utf-8")
    other = msgspec.structs.replace(mirels, table=load_table(path))
    assert "Another source" not in imprint(mirels, "high", (), True, "en").cited
    assert "Another source" in imprint(other, "high", (), True, "en").cited


def test_a_suggestion_leaves_nothing_for_the_next_patient() -> None:
    first = suggestion("record-bone-lesion", "en", "Patient/1", "card-1", missing=["lesion-pain"])
    second = suggestion("record-bone-lesion", "en", "Patient/2", "card-2")
    asked, unasked = (one["actions"][0]["resource"] for one in (first, second))
    assert asked["for"] == {"reference": "Patient/1"}
    assert unasked["for"] == {"reference": "Patient/2"}
    assert [len(one["input"]) for one in (asked, unasked)] == [2, 1]  # the questionnaire, and the one open question
    assert first["uuid"] != second["uuid"]


def test_the_same_call_gives_the_same_cards_again() -> None:
    """Whatever was answered in between: the cards share parts, and none may be changed by being put on a card."""
    cases = load_cases()[::20]
    before = [msgspec.json.encode(case.answer().cards) for case in cases]
    assert [msgspec.json.encode(case.answer().cards) for case in reversed(cases)] == before[::-1]


@given(st.text(st.characters(codec="utf-8")), st.uuids())
def test_uuids_are_those_of_the_standard(name: str, namespace: uuid.UUID) -> None:
    assert written(named(name)) == str(uuid.uuid5(uuid.NAMESPACE_URL, name))
    assert written(named(name, namespace.bytes)) == str(uuid.uuid5(namespace, name))


def test_a_text_says_the_values_it_names_and_no_other() -> None:
    text = Text("{days} d", "{days}天")
    assert text.fill("zh-Hans", {"days": 3, "unsaid": object()}) == "3天"
    with pytest.raises(KeyError, match="days"):
        text.fill("en", {})
    with pytest.raises(TypeError, match="cannot say"):
        text.fill("en", {"days": object()})
