"""Runs every case of ``tests/cases``: what speaks, how urgently, by which arithmetic, what stays silent."""

from __future__ import annotations

from typing import Any

import pytest

from tests.situations import Case, load_cases


@pytest.mark.parametrize("case", load_cases(), ids=repr)
def test_case(case: Case) -> None:
    cards = {card["source"]["topic"]["code"]: card for card in case.answer().cards}
    for advisory, expected in case.content.get("expect", {}).items():
        assert advisory in cards, f"{advisory} is silent; spoken: {_told(cards)}"
        _check(cards[advisory], {"indicator": expected} if isinstance(expected, str) else expected)
    for advisory in case.content.get("silent", ()):
        assert advisory not in cards, f"{advisory} speaks: {cards[advisory]['summary']}"
    if case.content.get("nothing_else"):
        assert set(cards) == set(case.content.get("expect", {})), _told(cards)


@pytest.mark.parametrize("case", [case for case in load_cases() if "not_evaluated" in case.content], ids=repr)
def test_what_could_not_be_evaluated_is_named(case: Case) -> None:
    told = {entry["advisory"]: entry["missing"] for entry in case.answer().evaluation.get("notEvaluated", ())}
    for advisory, why in case.content["not_evaluated"].items():
        assert advisory in told, f"{advisory} is not among {sorted(told)}"
        assert why in {missing["why"] for missing in told[advisory]}, told[advisory]


def _check(card: dict[str, Any], expected: dict[str, Any]) -> None:
    evidence = card["extension"]["org.osteohooks.evidence"]
    assert card["indicator"] == expected["indicator"], card["summary"]
    if "band" in expected:
        assert evidence["band"] == expected["band"]
    if "total" in expected:
        assert evidence["score"]["total"] == worked(expected["total"])
    if "range" in expected:
        assert [evidence["score"]["min"], evidence["score"]["max"]] == expected["range"]
    if "value" in expected:
        assert str(expected["value"]) in card["summary"], card["summary"]
    for name in expected.get("missing", ()):
        assert name in {missing["name"] for missing in evidence.get("missing", ())}, evidence
    for part in expected.get("says", ()):
        assert part in card["summary"] + card["detail"], card["summary"] + "\n" + card["detail"]
    for part in expected.get("says_not", ()):
        assert part not in card["summary"] + card["detail"], card["summary"] + "\n" + card["detail"]
    for part in expected.get("unsaid", ()):
        assert part not in card["summary"] + card["detail"], card["summary"] + "\n" + card["detail"]


def worked(arithmetic: str) -> int:
    """The total of ``"3 + 1 + 3 + 2"``: an expectation shows its working."""
    return sum(int(part) for part in arithmetic.replace("-", "+-").split("+"))


def _told(cards: dict[str, Any]) -> str:
    return "; ".join(f"{name}: {card['summary']}" for name, card in sorted(cards.items())) or "nothing"
