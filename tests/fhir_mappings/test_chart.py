"""The chart answers in the order of time, whatever order the findings came in."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import permutations

from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Evidence, narrowest_first
from fhir_mappings.labs import Lab
from fhir_mappings.ranges import Range
from fhir_mappings.when import on_day

AS_OF = date(2026, 11, 21)


def problem(reference: str, days_ago: int, *concepts: str) -> Problem:
    evidence = Evidence(reference, on_day(AS_OF - timedelta(days=days_ago)))
    return Problem(evidence=evidence, concepts=frozenset(concepts))


def calcium(reference: str, days_ago: int) -> Lab:
    evidence = Evidence(reference, on_day(AS_OF - timedelta(days=days_ago)))
    return Lab(evidence=evidence, analyte="calcium-total", value=Range.of(2), unit="mmol/L")


LUNG = problem("Condition/lung", 300, "primary-lung", "cancer-any")
BONE = problem("Condition/bone", 200, "bone-metastasis", "cancer-any")
BREAST = problem("Condition/breast", 100, "primary-breast", "cancer-any")
OLD, NEW = calcium("Observation/old", 9), calcium("Observation/new", 2)


def test_whatever_order_they_came_in_the_oldest_is_first_and_the_newest_the_latest() -> None:
    for order in permutations([LUNG, BONE, BREAST, OLD, NEW]):
        chart = Chart(order, as_of=AS_OF)
        assert chart.all(Problem) == [LUNG, BONE, BREAST]
        assert chart.all(Problem, "cancer-any") == [LUNG, BONE, BREAST]
        assert chart.latest(Lab, "calcium-total") is NEW


def test_any_gives_each_finding_once_and_the_oldest_first() -> None:
    chart = Chart([BREAST, NEW, LUNG, BONE, OLD], as_of=AS_OF)
    assert chart.any(Problem, "primary-breast", "cancer-any", "primary-lung") == [LUNG, BONE, BREAST]
    assert chart.any(Problem, "primary-breast", "primary-lung") == [LUNG, BREAST]
    assert chart.any(Problem, "calcium-total") == []
    assert chart.any(Problem) == []


def test_names_are_the_same_when_they_are_asked_again_and_what_is_remembered_has_an_end() -> None:
    for _ in range(2):
        assert narrowest_first(frozenset({"cancer-any", "primary-lung"})) == ("primary-lung", "cancer-any")
        assert narrowest_first(frozenset({"cancer-any", "primary-breast"})) == ("primary-breast", "cancer-any")
    assert narrowest_first.cache_info().maxsize is not None
