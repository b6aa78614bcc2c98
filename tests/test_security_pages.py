"""What a chart says becomes no markup: not in a card's summary, not in its detail, not on the page (cds-hooks C9).

Clients were seen to render HTML that stands in ``detail`` (rehype-raw), so an escape that Markdown alone would undo is
not enough.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from cds_service import markdown
from tests.fuzz import mutations
from tests.fuzz.judge import Judge

EVIL = "zq<img src=x onerror=alert(1)>[go](javascript:alert(1))<!-- `*_| ![i](http://evil.example.org/i.png)"
FREE_TEXT = ("text", "display", "unit", "valueString", "id", "reference", "comparator", "status", "effectiveDateTime")
RAW_TAG = re.compile(r"<[a-zA-Z!/?]")
OPEN_LINK = re.compile(r"(?<!\\)\]\(|(?<!\\)!\[")
SEVERAL = (
    "mirels",
    "denosumab-interval",
    "hypercalcemia",
    "bisphosphonate-renal",
    "spine-emergency",
    "biopsy",
    "bma-dose",
)


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge()


def with_markup(value: Any, name: str, *, instead: bool) -> Any:
    """Every text under ``name`` with markup after it, or in place of it."""
    if isinstance(value, dict):
        return {
            key: (EVIL if instead else f"{part} {EVIL}")
            if key == name and isinstance(part, str)
            else with_markup(part, name, instead=instead)
            for key, part in value.items()
        }
    return [with_markup(part, name, instead=instead) for part in value] if isinstance(value, list) else value


def everywhere(value: Any) -> Any:
    """Every coded element with a text and a display of its own, as a malicious or careless source might write them."""
    if isinstance(value, dict):
        told = {key: everywhere(part) for key, part in value.items()}
        if "coding" in told:
            told["text"] = EVIL
        if "code" in told and "system" in told:
            told["display"] = EVIL
        return told
    return [everywhere(part) for part in value] if isinstance(value, list) else value


def cards_of(judge: Judge, name: str, request: Any) -> list[Any]:
    call = mutations.call_of(name, mutations.written(request))
    response = judge.client.post(call.path, data=call.body, headers={"Content-Type": "application/json"})
    assert response.status_code == 200
    return response.get_json()["cards"]


def assert_harmless(card: Any) -> None:
    for part in ("summary", "detail"):
        text = card.get(part, "")
        assert not RAW_TAG.search(text), (part, text)
        assert not OPEN_LINK.search(text), (part, text)
    page = str(markdown.html(card.get("detail", "")))
    assert set(re.findall(r"</?([a-z0-9]+)", page)) <= {
        *("p", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "strong", "em", "code")
    }


@pytest.mark.parametrize("name", sorted(mutations.examples()))
def test_texts_of_a_chart_become_no_markup(judge: Judge, name: str) -> None:
    request = mutations.examples()[name]
    told = request | {"prefetch": everywhere(request["prefetch"]), "context": everywhere(request["context"])}
    cards = cards_of(judge, name, told)
    assert cards
    for card in cards:
        assert_harmless(card)


@pytest.mark.parametrize("field", FREE_TEXT)
@pytest.mark.parametrize("name", SEVERAL)
def test_nor_does_any_one_element(judge: Judge, name: str, field: str) -> None:
    for instead in (True, False):
        request = mutations.examples()[name]
        told = request | {"prefetch": with_markup(request["prefetch"], field, instead=instead)}
        for card in cards_of(judge, name, told):
            assert_harmless(card)


def test_what_was_written_is_still_told(judge: Judge) -> None:
    """Escaped, not dropped: a reason for absence that the chart made up stands on the card as it was written."""
    request = mutations.copied(mutations.examples()["mirels"])
    lesion = request["prefetch"]["lesions"]["entry"][0]["resource"]
    for part in lesion["component"]:
        if part["code"]["coding"][0]["code"] == "lesion-pain":
            del part["valueCodeableConcept"]
            part["dataAbsentReason"] = {"coding": [{"code": EVIL}]}
    cards = cards_of(judge, "mirels", request)
    assert any("img src=x" in card.get("detail", "") for card in cards)
    for card in cards:
        assert_harmless(card)


def test_every_test_that_the_threat_page_names_is_there() -> None:
    page = (mutations.EXAMPLES.parent / "docs" / "threats.md").read_text("utf-8")
    named = set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", page))
    assert len(named) > 30
    for path, test in named:
        source = (mutations.EXAMPLES.parent / path).read_text("utf-8")
        assert f"def {test}(" in source if test else source, (path, test)
